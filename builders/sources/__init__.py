"""Stage ``source``: pages from HTML folders and OBELICS-shaped JSONL files."""
