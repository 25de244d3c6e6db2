"""How vectors are stored and searched."""
