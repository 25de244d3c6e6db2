"""Pairs of texts that share a key are those of brute force, whatever is read at once."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.builders.dedup import band_keys
from nyxqa.builders.dedup.band_keys import BandKeys, shared_keys

KEYS = st.lists(st.sampled_from([0, 1, 2, 3, 1 << 63, (1 << 64) - 1, 77, 78]), max_size=40)


@settings(max_examples=200, deadline=None)
@given(KEYS, st.integers(1, 50))
def test_each_pair_of_equal_keys_is_found_once(values: list[int], at_once: int) -> None:
    keys = np.array(values, np.uint64)
    buckets = shared_keys(keys)
    assert buckets.keys.tolist() == sorted({value for value in values if values.count(value) > 1})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(band_keys, "_PAIRS", at_once)
        pairs = [pair for left, right in buckets.pairs() for pair in zip(left.tolist(), right.tolist(), strict=True)]
    assert sorted(pairs) == [(a, b) for a, b in combinations(range(len(values)), 2) if values[a] == values[b]]


def test_keys_are_read_in_groups_of_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = np.random.default_rng(2).integers(0, 3, (50, 5)).astype(np.uint64)
    stored.tofile(tmp_path / "bands.bin")
    places = np.random.default_rng(3).permutation(50)[:40].astype(np.int64)
    keys = BandKeys(tmp_path / "bands.bin", 5, places)
    monkeypatch.setattr(band_keys, "_ROWS", 7)
    assert keys.groups() == [(0, 5)]
    monkeypatch.setattr(band_keys, "_GROUP_BYTES", 2 * 8 * 40)
    assert keys.groups() == [(0, 2), (2, 4), (4, 5)]
    assert np.array_equal(keys.read(2, 4), stored[places, 2:4].T)
    left, right = np.arange(0, 39), np.arange(1, 40)
    for band in range(5):
        before = stored[places, :band]
        expected = [bool((before[number] == before[number + 1]).any()) for number in range(39)]
        assert keys.met_before(band, left, right).tolist() == expected
