"""Models that write questions, answer them and invent distractors."""
