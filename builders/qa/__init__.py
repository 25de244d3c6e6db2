"""Which rules decide about question-answer pairs."""
