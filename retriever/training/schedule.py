"""The learning rate over the steps of a run."""

from __future__ import annotations

import math


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Rate of ``step`` (from 0): up to ``peak`` in a straight line, then down to zero behind the last step.

    :param steps: Steps of the whole run.
    :param warmup: Share of them that the way up takes, rounded up.
    """
    rising = math.ceil(steps * warmup)
    if step < rising:
        return peak * (step + 1) / rising
    return peak * (steps - step) / (steps - rising)
