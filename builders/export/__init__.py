"""Writing a dataset as other tools read it."""
