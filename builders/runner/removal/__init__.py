"""How something is taken out of a dataset, and out of everything that was kept of it."""
