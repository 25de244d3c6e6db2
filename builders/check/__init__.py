"""Whether a published dataset keeps its laws, judged from its files alone."""
