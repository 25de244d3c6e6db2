"""How published tables are found, read and joined."""
