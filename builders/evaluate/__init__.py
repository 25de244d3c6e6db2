"""How well do retrievers, and a model with their documents, answer the questions of a dataset?"""
