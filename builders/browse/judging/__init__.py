"""Which rows reviewers see, what they have said, and how far they agree."""
