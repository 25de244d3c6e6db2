"""What scripts need that are not written from left to right with spaces between words."""

from __future__ import annotations

import unicodedata

FIRST_OTHER = "\u0590"  # from here on some scripts need what this module does
FIRST_MARK = "\u0300"  # no mark over a letter comes before
_FIRST_CJK = "\u2e80"


def is_right_to_left(text: str) -> bool:
    """Whether ``text`` has a letter of Hebrew, Arabic or another script that is written from the right."""
    return max(text, default="") >= FIRST_OTHER and any(unicodedata.bidirectional(one) in ("R", "AL") for one in text)


def is_cjk(character: str) -> bool:
    """Whether a character is of Chinese or Japanese, its punctuation included, where words have no spaces between."""
    if not character or character < _FIRST_CJK:
        return False
    return (
        "\u2e80" <= character <= "\u312f"
        or "\u3190" <= character <= "\u4dbf"
        or "\u4e00" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\ufe30" <= character <= "\ufe4f"
        or "\uff01" <= character <= "\uff60"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def in_reading_order(texts: list[str]) -> list[int]:
    """The order in which words are read that are beside each other from left to right.

    A line is read from the right where most of its letters are; words from the left within it, and numbers, keep their
    order, as do words from the right within a line that is read from the left.
    """
    right = [is_right_to_left(text) for text in texts]
    if not any(right):
        return list(range(len(texts)))
    letters = [sum(one.isalpha() for one in text) for text in texts]
    from_right = 2 * sum(count for count, is_right in zip(letters, right, strict=True) if is_right) >= sum(letters)
    # A word without letters goes with the line, between two words of one direction with these.
    runs: list[list[int]] = []
    ways: list[bool] = []
    for index, text in enumerate(texts):
        way = right[index] if letters[index] else _around(right, letters, index, from_right, text)
        if runs and way == ways[-1]:
            runs[-1].append(index)
        else:
            runs.append([index])
            ways.append(way)
    if from_right:
        runs, ways = runs[::-1], ways[::-1]
    return [index for run, way in zip(runs, ways, strict=True) for index in (run[::-1] if way else run)]


def _around(right: list[bool], letters: list[int], index: int, from_right: bool, text: str) -> bool:
    before = next((right[i] for i in range(index - 1, -1, -1) if letters[i]), from_right)
    after = next((right[i] for i in range(index + 1, len(right)) if letters[i]), from_right)
    return before if before == after else from_right


def joint(left: str, right: str) -> str:
    """What separates two words of a text: nothing between Chinese or Japanese characters, else a space."""
    return "" if is_cjk(left[-1:]) and is_cjk(right[:1]) else " "
