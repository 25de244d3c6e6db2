"""Stage 2: candidates of a trained retriever, what a model answers with each, and the labels that follow."""
