"""How training data is made: the engine, the stages, and what is done with their tables."""
