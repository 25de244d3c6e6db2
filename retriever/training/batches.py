"""Which rows make up which step: batches of one dataset each, of similar length, in an order given by keyed hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nyxqa.schemas.chance import keyed_hash

# Batches whose rows are sorted by length together: enough for little padding, few enough that batches differ between
# epochs.
_WINDOW = 16


@dataclass(frozen=True)
class Plan:
    """The batches of every epoch; each depends only on (seed, epoch), so a run can start at any of them.

    All rows of a batch are of one dataset, so that in-batch negatives come from the same pool and are as hard as
    possible. The remaining rows of a dataset form one smaller batch.

    :param datasets: Dataset of each row.
    :param lengths: About how many tokens each row costs.
    :param names: Name of each row, the key of its hashes.
    :param size: Rows of a batch.
    """

    datasets: Sequence[str]
    lengths: Sequence[int]
    names: Sequence[str]
    size: int
    seed: int

    def epoch(self, number: int) -> list[list[int]]:
        """Row numbers of each batch of an epoch; every row is in exactly one of them."""
        batches = [
            (f"{dataset}/{place}", batch)
            for dataset in sorted(set(self.datasets))
            for place, batch in enumerate(self._batches(dataset, number))
        ]
        batches.sort(key=lambda one: (keyed_hash(self.seed, f"batches/{number}", one[0]), one[0]))
        return [batch for _, batch in batches]

    def _batches(self, dataset: str, number: int) -> list[list[int]]:
        rows = [row for row, one in enumerate(self.datasets) if one == dataset]
        rows.sort(key=lambda row: (keyed_hash(self.seed, f"rows/{number}", self.names[row]), self.names[row], row))
        window = self.size * _WINDOW
        batches = []
        for start in range(0, len(rows), window):
            near = sorted(rows[start : start + window], key=lambda row: self.lengths[row])
            batches += [near[at : at + self.size] for at in range(0, len(near), self.size)]
        return batches

    def steps(self) -> int:
        """Batches of an epoch."""
        counts = [sum(one == dataset for one in self.datasets) for dataset in set(self.datasets)]
        window = self.size * _WINDOW
        return sum(count // window * _WINDOW + -(-(count % window) // self.size) for count in counts)
