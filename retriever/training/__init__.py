"""How an embedding model is trained."""
