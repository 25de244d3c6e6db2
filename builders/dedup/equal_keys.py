"""Equal keys of 128 bits, each given as two numbers of 64."""

from __future__ import annotations

from typing import Any

import numpy as np

from nyxqa.builders.dedup.word_hashes import I64

Keys = np.ndarray[Any, np.dtype[np.uint64]]


def first_equal(keys: Keys) -> I64:
    """For each key the place of the first key equal to it, int64 [keys].

    :param keys: Halves of the keys, uint64 [keys, 2].
    """
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable: equal keys keep their order
    starts_run = np.zeros(len(order), np.bool_)
    starts_run[:1] = True
    for half in (0, 1):  # one column at a time, to hold no sorted copy of both
        column = keys[order, half]
        starts_run[1:] |= column[1:] != column[:-1]
    start = np.maximum.accumulate(np.where(starts_run, np.arange(len(order)), 0))
    first = np.empty(len(order), np.int64)
    first[order] = order[start]
    return first
