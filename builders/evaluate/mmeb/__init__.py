"""MMEB-eval: rows that bring their own candidates, the right one first."""
