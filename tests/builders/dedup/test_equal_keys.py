from __future__ import annotations

import numpy as np

from nyxqa.builders.dedup.equal_keys import first_equal


def test_the_first_of_equal_keys_is_named_whichever_half_differs() -> None:
    keys = np.array([[1, 2], [2, 1], [1, 2], [1, 3], [2, 1], [1, 2], [0, 2**64 - 1]], np.uint64)
    assert first_equal(keys).tolist() == [0, 1, 0, 3, 1, 0, 6]


def test_no_keys() -> None:
    assert first_equal(np.zeros((0, 2), np.uint64)).tolist() == []
