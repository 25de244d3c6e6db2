"""How question sets of others and their passages are read."""
