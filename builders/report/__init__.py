"""What is reported about a build: losses, summaries, estimates, SQL views."""
