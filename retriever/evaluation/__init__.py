"""How well a retriever ranks: metrics, intervals, test sets."""
