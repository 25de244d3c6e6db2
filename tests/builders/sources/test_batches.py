"""Batches of input rows: small ones first, and as many as the input says."""

from __future__ import annotations

from nyxqa.builders.sources.base import Item, batched, whole_groups


def items(count: int, size: int) -> list[Item]:
    return [Item(f"x:{number}", "x", number, None, size) for number in range(count)]


def test_a_small_source_of_large_pages_is_work_for_several_workers() -> None:
    assert [len(batch) for batch in batched(items(198, 100_000))] == [40, 40, 40, 40, 38]
    assert [len(batch) for batch in batched(items(100, 1_000))] == [100]
    assert [len(batch) for batch in batched(items(20, 1_000), rows=8)] == [8, 8, 4]


def test_a_large_source_has_large_batches_after_the_first() -> None:
    given = items(10_000, 1_000)
    batches = list(batched(given))
    assert [len(batch) for batch in batches] == [256] * 16 + [1_024] * 5 + [784]
    assert [item for batch in batches for item in batch] == given
    assert [len(batch) for batch in batched(items(700, 1_000_000))][:17] == [4] * 16 + [16]


def test_row_groups_stay_whole() -> None:
    given = items(700, 1_000)
    assert [len(batch) for batch in whole_groups([given[:200], given[200:400], given[400:]])] == [400, 300]
