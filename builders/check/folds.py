"""The rows a retriever is trained and tested on, fold by fold, and a control arm with shuffled positives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nyxqa.retriever.training.examples import Document, Example
from nyxqa.schemas.chance import keyed_hash

SALT = "check/teaches"  # of the keyed hashes; unchanged since 0.1.0, so that results stay comparable


@dataclass(frozen=True)
class Fold:
    """Row numbers of the training part and the test part."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def grouped_folds(groups: Sequence[str], count: int, seed: int) -> list[Fold]:
    """At most ``count`` folds of about equal size; rows of one group are never on both sides.

    :param groups: Group of each row.
    """
    sizes = dict.fromkeys(sorted(set(groups), key=lambda one: (keyed_hash(seed, f"{SALT}/folds", one), one)), 0)
    for group in groups:
        sizes[group] += 1
    totals = [0] * count
    fold_of: dict[str, int] = {}
    for group, size in sorted(sizes.items(), key=lambda one: -one[1]):
        fold_of[group] = min(range(count), key=totals.__getitem__)
        totals[fold_of[group]] += size
    return [
        Fold(
            tuple(row for row, group in enumerate(groups) if fold_of[group] != number),
            tuple(row for row, group in enumerate(groups) if fold_of[group] == number),
        )
        for number in range(count)
        if totals[number]
    ]


def shuffled_positives(examples: Sequence[Example], seed: int) -> list[Example]:
    """The same queries, each with the positives of another query that shares none with it; negatives stay.

    A row for which no such query is left is left out. A negative that has become the positive is removed.
    """
    order = sorted(range(len(examples)), key=lambda row: (keyed_hash(seed, f"{SALT}/shuffle", examples[row].id), row))
    unused = [order[(place + 1) % len(order)] for place in range(len(order))]
    partners: dict[int, int] = {}
    for row in order:
        partner = next((other for other in unused if not _share(examples[row], examples[other])), None)
        if partner is not None:
            unused.remove(partner)
            partners[row] = partner
    return [
        _with_positives(examples[row], examples[partners[row]].positives)
        for row in range(len(examples))
        if row in partners
    ]


def _share(one: Example, other: Example) -> bool:
    return any(document.id in one.known for document in other.positives)


def _with_positives(example: Example, positives: tuple[Document, ...]) -> Example:
    known = frozenset(one.id for one in positives)
    negatives = tuple(one for one in example.negatives if one.id not in known)
    return replace(example, positives=positives, negatives=negatives, known=known)
