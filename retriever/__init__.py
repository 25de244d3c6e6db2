"""Encoders, search, training and evaluation: takes rows, knows no stage."""
