"""Whether a text holds a key, a password, personal data or the name of an internal host, and where."""
