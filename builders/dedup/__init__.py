"""Which texts and images are near-duplicates, and whether any leak between splits."""
