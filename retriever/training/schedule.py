"""The learning rate of each step."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["linear", "cosine", "constant"]


def learning_rate(step: int, steps: int, peak: float, warmup: float, schedule: Schedule = "linear") -> float:
    """Rate of ``step`` (from 0): linear warm-up to ``peak``, then as ``schedule`` says, to zero after the last step.

    :param steps: Steps of the whole run.
    :param warmup: Share of the steps that warm up, rounded up.
    """
    rising = math.ceil(steps * warmup)
    if step < rising:
        return peak * (step + 1) / rising
    left = (steps - step) / (steps - rising)
    if schedule == "constant":
        return peak
    if schedule == "cosine":
        return peak * (1 - math.cos(math.pi * left)) / 2
    return peak * left
