"""Ledger rows of what repeats inside one item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nyxqa.builders.engine.accounting import Drop

# Different things of one item that fail for one reason, such as the dead images of a page, have a row each up to this
# number, and one row together beyond it.
MOST = 16


def without_repeats(notes: Sequence[Drop]) -> list[Drop]:
    """``notes`` with one row for what repeats inside an item for one reason; its detail begins with the count.

    Notes of one item and reason repeat if their details are equal, or if they are more than ``MOST``.

    :param notes: Ledger rows for parts of items, in the order of the items.
    """
    groups: dict[tuple[str, str, str], list[Drop]] = {}
    for note in notes:
        groups.setdefault((note.parent_id, note.item_type, note.reason), []).append(note)
    return [row for group in groups.values() for row in _rows(group)]


def _rows(group: list[Drop]) -> list[Drop]:
    if len(group) > MOST:
        return [_together(group)]
    equal: dict[str, list[Drop]] = {}
    for note in group:
        equal.setdefault(note.detail, []).append(note)
    return [_together(one) for one in equal.values()]


def _together(group: list[Drop]) -> Drop:
    first = group[0]
    if len(group) == 1:
        return first
    same = all(note.detail == first.detail for note in group)
    what = first.detail if same else f"the first: {first.detail}"
    return replace(first, detail=f"{len(group)} times: {what}" if what else f"{len(group)} times")
