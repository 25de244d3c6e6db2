"""How a dataset is published: card, replacement of a folder, and the Hub."""
