"""Encoders, search, loss, training and evaluation: takes rows, knows no stage."""
