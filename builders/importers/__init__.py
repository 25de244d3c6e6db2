"""Importers of published training sets: rows in one shape, and an account of what was repaired."""
