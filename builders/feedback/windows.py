"""Windows of candidates that a model is shown at once."""

from __future__ import annotations


def windows(count: int, size: int, stride: int) -> list[range]:
    """Places of the candidates of each window, in rank order.

    Windows that do not overlap (``stride`` equals ``size``) cover all candidates, so the last may be shorter. Windows
    that overlap are whole: with stride 1 there are ``count - size + 1`` (Nyx paper); fewer candidates are one window.

    :param count: Number of candidates.
    :param stride: Candidates from the start of one window to that of the next; at most ``size``.
    """
    if stride >= size:
        return [range(start, min(start + size, count)) for start in range(0, count, size)]
    return [range(start, min(start + size, count)) for start in range(0, max(count - size, 0) + 1, stride) if count]
