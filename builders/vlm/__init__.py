"""Which models write questions, answer them and invent distractors."""
