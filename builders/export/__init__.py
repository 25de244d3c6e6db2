"""How a dataset is written for other tools, one module a format."""
