"""How pages are read, one module for each input format."""
