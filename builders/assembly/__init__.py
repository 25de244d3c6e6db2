"""From stage outputs to published tables."""
