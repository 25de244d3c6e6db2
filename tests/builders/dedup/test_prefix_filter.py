"""Which shingles need a row in the exact search: those that several sets may have."""

from __future__ import annotations

import numpy as np
import pytest

import nyxqa.builders.dedup.prefix_filter as module
from nyxqa.builders.dedup.prefix_filter import _Repeated


@pytest.mark.parametrize("bits", [4, 12, 26])
def test_every_hash_of_several_sets_is_kept_and_most_others_are_not(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BITS", bits)
    monkeypatch.setattr(module, "_MOST_BITS", bits)
    random = np.random.default_rng(1)
    shared = random.integers(0, 1 << 50, 300, np.uint64)
    slices = [
        np.concatenate([random.integers(0, 1 << 50, 500, np.uint64), shared[number::2]]) for number in (0, 1, 0, 1)
    ]
    repeated = _Repeated(sum(map(len, slices)))
    for one in slices:
        repeated.add(one)
    assert repeated.has(shared).all()
    alone = np.concatenate([one[:500] for one in slices])
    assert repeated.has(alone).mean() < (0.01 if bits == 26 else 0.6 if bits == 12 else 1.01)
