"""Which rules question-answer pairs keep."""
