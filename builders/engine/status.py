"""The state of a running step as one line of text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import Activity
from nyxqa.builders.formatting import counted


@dataclass
class Status:
    """How far a step is.

    :param unit: What an input row is; empty if the step counts none.
    :param total: Number of input rows; None if it is not known.
    :param kept: Rows of the shards that an earlier run finished.
    :param finished: Rows of the shards that this run finished.
    """

    unit: str
    total: int | None = None
    kept: int = 0
    finished: int = 0
    dropped: int = 0

    def add(self, shard: Counts, kept: bool) -> None:
        """Count a finished shard."""
        self.dropped += shard.dropped
        if kept:
            self.kept += shard.rows_in
        else:
            self.finished += shard.rows_in

    def made(self, activity: Activity) -> int:
        """Rows done in this run; those of unfinished shards as far as the step counts them."""
        made = max(self.finished, activity.items)
        return made if self.total is None else min(made, self.total - self.kept)

    def done(self, activity: Activity) -> int:
        """Rows done."""
        return self.kept + self.made(activity)

    def seconds_left(self, activity: Activity, elapsed: float) -> float | None:
        """Seconds until the step ends at the rate so far; None before the first row is done."""
        made = self.made(activity)
        return None if self.total is None or not made else elapsed / made * (self.total - self.kept - made)

    def text(self, activity: Activity, elapsed: float) -> str:
        """For example ``3 of 10 documents, 7 requests done, 64 in flight, 0 failed, 812 tokens, 2 min left``."""
        done = self.done(activity)
        noun = self.unit or "step"
        parts = [counted(done, noun) if self.total is None else f"{done:,} of {counted(self.total, noun)}"]
        if self.dropped:
            parts.append(f"{self.dropped:,} dropped")
        if activity.asks:
            parts.append(f"{counted(activity.requests, 'request')} done")
            parts.append(f"{activity.in_flight:,} in flight, {activity.failed:,} failed")
            parts.append(counted(activity.tokens, "token"))
        left = self.seconds_left(activity, elapsed)
        if left is not None:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """A duration in the two largest units that say something: ``40 s``, ``12 min``, ``3 h 20 min``."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(math.ceil(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
