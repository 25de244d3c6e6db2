"""The embedded generator: cloze questions without a model."""
