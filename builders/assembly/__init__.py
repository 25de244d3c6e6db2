"""How working rows become published tables."""
