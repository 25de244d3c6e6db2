"""Checking a published dataset against its laws, from its files alone."""
