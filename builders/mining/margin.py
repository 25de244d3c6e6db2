"""How near to its positive a negative may score (NV-Retriever, arXiv 2407.15831)."""

from __future__ import annotations

import math


def ceiling(positive: float | None, margin: float) -> float:
    """Highest score of a negative.

    It lies ``1 - margin`` of the positive's magnitude below the positive: for a score below 0 a plain product would
    lie above the positive and let everything through. A positive that was not retrieved scores below every passage
    that was, so nothing passes.
    """
    return -math.inf if positive is None else positive - (1 - margin) * abs(positive)
