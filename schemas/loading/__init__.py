"""How published tables are located, read and joined."""
