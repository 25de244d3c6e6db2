"""How a finished build is published: the dataset card, the atomic renames, the Hub."""
