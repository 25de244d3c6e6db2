"""Making data: the engine, the stages of the web builder, and what is done with their tables."""
