"""Looking at a dataset row by row: where an item came from, and what became of it."""
