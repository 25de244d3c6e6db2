"""Requests asked through a batch API, and their answers collected in a later run."""
