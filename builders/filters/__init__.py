"""What is filtered out: SQL conditions, languages, overlap with benchmarks."""
