"""Evaluation of retrievers, and of a model with their documents, on the questions of a dataset."""
