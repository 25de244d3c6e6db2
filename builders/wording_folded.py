"""Figures and long texts as people read them on a line."""

from __future__ import annotations

from collections.abc import Mapping


def listed(counts: Mapping[str, int]) -> str:
    """Names with their counts, in the order given; the word ``none`` if there are none."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, with dots where it was cut."""
    return text if len(text) <= width else text[: width - 3] + "..."
