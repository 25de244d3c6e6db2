"""Connected components of large graphs, the same whatever the order of the edges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def components(nodes: int, left: Ints, right: Ints) -> Ints:
    """For each of ``nodes`` nodes (int64 [nodes]) the smallest node of its component.

    :param left: One end of each edge, int64 [edges].
    :param right: The other end.
    """
    label = np.arange(nodes, dtype=np.int64)
    while left.size:
        roots_left, roots_right = label[left], label[right]
        apart = roots_left != roots_right
        if not apart.any():
            break
        left, right = left[apart], right[apart]
        low = np.minimum(roots_left[apart], roots_right[apart])
        high = np.maximum(roots_left[apart], roots_right[apart])
        np.minimum.at(label, high, low)
        while True:
            jumped = label[label]
            if np.array_equal(jumped, label):
                break
            label = jumped
    return label
