"""Serving pages on this machine alone: who may ask, and how the server starts and ends."""
