"""Encoders, search, training and evaluation: works on rows, independent of the build."""
