"""Which rows a retriever is trained on and which it is tested on, and positives put in the wrong place on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nyxqa.retriever.training.examples import Document, Example
from nyxqa.schemas.chance import keyed_hash

_STAGE = "check/teaches"


@dataclass(frozen=True)
class Fold:
    """Row numbers of one training and its test."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def grouped_folds(groups: Sequence[str], count: int, seed: int) -> list[Fold]:
    """``count`` folds of about equal size; rows of one group are never on both sides.

    :param groups: Group of each row.
    """
    sizes = dict.fromkeys(sorted(set(groups), key=lambda one: (keyed_hash(seed, f"{_STAGE}/folds", one), one)), 0)
    for group in groups:
        sizes[group] += 1
    totals = [0] * count
    place: dict[str, int] = {}
    for group, size in sorted(sizes.items(), key=lambda one: -one[1]):
        place[group] = min(range(count), key=totals.__getitem__)
        totals[place[group]] += size
    return [
        Fold(
            tuple(row for row, group in enumerate(groups) if place[group] != number),
            tuple(row for row, group in enumerate(groups) if place[group] == number),
        )
        for number in range(count)
        if totals[number]
    ]


def deranged(examples: Sequence[Example], seed: int) -> list[Example]:
    """The same queries, each with the positives of another whose positives it does not share; negatives stay.

    A row for which no such partner is left keeps none and is left out. A negative that has become the positive goes.
    """
    order = sorted(range(len(examples)), key=lambda row: (keyed_hash(seed, f"{_STAGE}/shuffle", examples[row].id), row))
    free = [order[(place + 1) % len(order)] for place in range(len(order))]
    found: dict[int, int] = {}
    for row in order:
        partner = next((other for other in free if not _share(examples[row], examples[other])), None)
        if partner is not None:
            free.remove(partner)
            found[row] = partner
    return [_with(examples[row], examples[found[row]].positives) for row in range(len(examples)) if row in found]


def _share(one: Example, other: Example) -> bool:
    return any(document.id in one.known for document in other.positives)


def _with(example: Example, positives: tuple[Document, ...]) -> Example:
    known = frozenset(one.id for one in positives)
    negatives = tuple(one for one in example.negatives if one.id not in known)
    return replace(example, positives=positives, negatives=negatives, known=known)
