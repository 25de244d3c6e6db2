"""How text is cut into chunks: tokenizers, token positions, cut points."""
