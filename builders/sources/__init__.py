"""How pages are read, one module a format."""
