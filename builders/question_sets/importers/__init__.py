"""How published training sets are read and repaired."""
