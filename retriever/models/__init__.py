"""Which embedding models can be loaded and trained."""
