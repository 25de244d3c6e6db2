"""Connected components over edges that arrive in pieces."""

from __future__ import annotations

import numpy as np

from nyxqa.builders.dedup.word_hashes import I64


class Components:
    """Connected components of ``count`` numbered things; a component is named by its smallest member.

    The result depends on the edges, not on their order. Memory: 16 bytes for each thing.
    """

    def __init__(self, count: int) -> None:
        self._labels = np.arange(count, dtype=np.int64)

    def join(self, left: I64, right: I64) -> None:
        """Add the edges ``left[i] - right[i]``."""
        labels = self._labels
        while len(left):
            left, right = self.roots(left), self.roots(right)
            apart = left != right
            left, right = left[apart], right[apart]
            # Every larger root is attached to the smallest of its neighbours, so no cycle can arise.
            np.minimum.at(labels, np.maximum(left, right), np.minimum(left, right))

    def roots(self, things: I64) -> I64:
        """The root of each of ``things``, int64: equal for all that are connected so far."""
        roots = self._labels[things]
        while True:
            above = self._labels[roots]
            if np.array_equal(above, roots):
                self._labels[things] = roots  # path compression
                return roots
            roots = above

    def labels(self) -> I64:
        """The smallest member of each thing's component, int64 [count]."""
        everything = np.arange(len(self._labels))
        return self.roots(everything).copy()

    def connected(self, things: I64) -> bool:
        """Whether all of ``things`` are in one component already."""
        roots = self.roots(things)
        return bool((roots == roots[0]).all())
