"""Masks of the positives and negatives of each query among the documents of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nyxqa.schemas.errors import LawError

if TYPE_CHECKING:
    import torch

# The negatives of a query: all documents of the batch; positives of the others and its own hard negatives (Nyx code);
# its own hard negatives alone (the loss as the Nyx paper writes it).
NegativeScope = Literal["all", "own", "triplet"]


@dataclass(frozen=True, slots=True)
class NamedIds:
    """The ids that a query refers to.

    :param query: Name of the query, for errors.
    :param positives: Its positives in the batch.
    :param negatives: Its hard negatives in the batch; may be empty.
    :param known: Every document known to answer it, in the batch or not; never a negative.
    """

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LabelMasks:
    """What the loss contrasts, as masks.

    :param positives: Bool [queries, documents].
    :param negatives: Bool [queries, documents], disjoint from ``positives``.
    """

    positives: torch.Tensor
    negatives: torch.Tensor

    def to(self, device: torch.device) -> LabelMasks:
        """The same on another device."""
        return LabelMasks(self.positives.to(device), self.negatives.to(device))


def label_masks(rows: Sequence[NamedIds], documents: Sequence[str], against: NegativeScope = "all") -> LabelMasks:
    """Masks of a batch: other documents as ``against`` says are negatives of a query, unless known to answer it.

    A document that occurs twice in the batch (on two devices) counts once, at its first position.

    :param documents: Ids of the documents, in the order of their vectors.
    :raises LawError: If a query's negative is a positive of it, or one of its documents is not in the batch.
    """
    import torch

    column: dict[str, int] = {}
    for position, name in enumerate(documents):
        column.setdefault(name, position)
    shape = (len(rows), len(documents))
    positives, own = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
    known = torch.zeros(shape, dtype=torch.bool)
    for number, row in enumerate(rows):
        if not row.positives:
            raise LawError(f"query {row.query} has no positive")
        answers = {*row.positives, *row.known}
        if wrong := answers & set(row.negatives):
            raise LawError(f"query {row.query}: document {min(wrong)} is both its positive and its negative")
        if missing := [name for name in (*row.positives, *row.negatives) if name not in column]:
            raise LawError(f"query {row.query}: document {missing[0]} is not in the batch")
        positives[number, [column[name] for name in row.positives]] = True
        own[number, [column[name] for name in row.negatives]] = True
        known[number, [column[name] for name in answers if name in column]] = True
    shared = positives.any(dim=0) if against != "triplet" else torch.zeros(len(documents), dtype=torch.bool)
    if against == "all":
        shared = shared | own.any(dim=0)
    return LabelMasks(positives, (shared[None, :] | own) & ~known)
