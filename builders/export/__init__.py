"""How is a dataset written for other tools? One module for each format, listed in ``factory.py``."""
