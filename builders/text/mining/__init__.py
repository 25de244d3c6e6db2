"""Choosing positives and negatives among ranked passages."""
