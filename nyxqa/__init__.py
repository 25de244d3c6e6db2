"""Training data for mixed-modal retrievers: build, curate, load, publish."""

from __future__ import annotations
