"""The stages of the web builder in their order."""

from __future__ import annotations

STAGES = (
    "source",
    "prefilter",
    "images",
    "chunk",
    "dedup",
    "filter",
    "split",
    "sample",
    "synthesize",
    "refine",
    "verify",
    "choices",
    "negatives",
    "assemble",
)
