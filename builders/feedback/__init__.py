"""What a model answers with retrieved documents, and the Stage-2 labels that follow."""
