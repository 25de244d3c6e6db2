"""Decontamination: documents and questions that overlap with the user's benchmarks go, with the matching item."""
