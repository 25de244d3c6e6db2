"""What may be connected to, and when to ask a server again."""
