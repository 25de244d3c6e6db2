"""The state of a running step as one line of text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.activity import Activity
from nyxqa.builders.formatting import counted
from nyxqa.schemas.live import clock


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
        """For example ``3 of 10 documents, 7 requests, 0 failed, 64 in flight, 812 tokens, 2 min left``."""
        done = self.done(activity)
        if not self.unit and self.total is None:
            return f"{duration(elapsed)} so far"
        noun = self.unit or "step"
        parts = [counted(done, noun) if self.total is None else f"{done:,} of {counted(self.total, noun)}"]
        if activity.asks:
            parts.append(f"{counted(activity.requests, 'request')}, {activity.failed:,} failed")
            parts.append(f"{activity.in_flight:,} in flight, {counted(activity.tokens, 'token')}")
        if self.dropped:
            parts.append(f"{self.dropped:,} dropped")
        left = self.seconds_left(activity, elapsed)
        if left is not None:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)

    def live(self, activity: Activity, elapsed: float) -> str:
        """For example ``41/106 documents · 123 requests, 8 in flight, 0 failed · 0.31 M tokens · 00:17<00:26``."""
        done = self.done(activity)
        if not self.unit and self.total is None:
            return f"{duration(elapsed)}"
        noun = self.unit or "step"
        parts = [counted(done, noun) if self.total is None else f"{done:,}/{counted(self.total, noun)}"]
        if activity.asks:
            asked = counted(activity.requests, "request")
            parts.append(f"{asked}, {activity.in_flight:,} in flight, {activity.failed:,} failed")
            parts.append(f"{activity.tokens / 1e6:.2f} M tokens")
        if self.dropped:
            parts.append(f"{self.dropped:,} dropped")
        left = self.seconds_left(activity, elapsed)
        parts.append(clock(elapsed) if left is None else f"{clock(elapsed)}<{clock(left)}")
        return " \u00b7 ".join(parts)


def duration(seconds: float) -> str:
    """A duration in the two largest units that say something: ``40 s``, ``12 min``, ``3 h 20 min``."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(math.ceil(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
