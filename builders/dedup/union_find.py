"""Connected components over edges that arrive in pieces."""

from __future__ import annotations

import numpy as np

from nyxqa.builders.dedup.word_hashes import I64


class Components:
    """Which of ``count`` numbered things hang together; a component is named by its smallest member.

    The result depends on the edges alone, not on their order. Memory: 16 bytes a thing.
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
            # Every larger root hangs itself under the smallest of its neighbours, so no cycle can arise.
            np.minimum.at(labels, np.maximum(left, right), np.minimum(left, right))

    def roots(self, things: I64) -> I64:
        """A member of the component of each of ``things``, the same for all that hang together so far."""
        roots = self._labels[things]
        while True:
            above = self._labels[roots]
            if np.array_equal(above, roots):
                self._labels[things] = roots  # shortens the way for the next
                return roots
            roots = above

    def labels(self) -> I64:
        """The smallest member of each thing's component."""
        everything = np.arange(len(self._labels))
        return self.roots(everything).copy()

    def together(self, things: I64) -> bool:
        """Whether all of ``things`` hang together already."""
        roots = self.roots(things)
        return bool((roots == roots[0]).all())
