"""Batches, groups of like length, and the learning rate."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.retriever.models.batching import length_groups
from nyxqa.retriever.training.batches import Mixing, Plan, PlanRows
from nyxqa.retriever.training.settings import learning_rate


def plan(rows: int = 100, size: int = 8, seed: int = 1, mixing: Mixing = "dataset") -> Plan:
    datasets = ["b" if row % 4 == 0 else "a" for row in range(rows)]
    known = PlanRows.of(datasets, map(str, range(rows)), [row * 37 % 101 for row in range(rows)])
    return Plan(known, size, seed, mixing)


@pytest.mark.parametrize("size", [1, 7, 8, 200])
def test_every_row_stands_in_one_batch_of_its_dataset(size: int) -> None:
    made = plan(size=size)
    batches = made.epoch(0)
    assert sorted(itertools.chain(*batches)) == list(range(100))
    assert all(len({row % 4 == 0 for row in batch}) == 1 for batch in batches)
    assert max(map(len, batches)) <= size
    assert len(batches) == made.steps()


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    assert plan().epoch(3) == plan().epoch(3)
    assert plan().epoch(0) != plan().epoch(1)
    assert plan(seed=2).epoch(0) != plan().epoch(0)


def test_batches_do_not_sort_rows_by_length() -> None:
    """Negatives of like length would be told apart by other things than those of a search."""
    made = plan(rows=400, size=20)
    lengths = made.rows.lengths
    spans = [max(lengths[batch]) - min(lengths[batch]) for batch in made.epoch(0)]
    assert min(spans) > 50


def test_mixed_batches_hold_rows_of_any_dataset() -> None:
    batches = plan(size=20, mixing="mixed").epoch(0)
    assert sorted(itertools.chain(*batches)) == list(range(100))
    assert all(len({row % 4 == 0 for row in batch}) == 2 for batch in batches)


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_devices_share_a_batch_by_length(devices: int) -> None:
    made = plan(size=30)
    batch = made.epoch(0)[0]
    shares = [made.share(batch, rank, devices) for rank in range(devices)]
    assert sorted(itertools.chain(*shares)) == sorted(batch)
    totals = [int(made.rows.lengths[share].sum()) for share in shares]
    assert max(totals) - min(totals) <= 101  # less than the longest row


def test_a_row_that_occurs_twice_is_shuffled_twice() -> None:
    known = PlanRows.of(["a"] * 4, ["x", "x", "y", "x"], [1] * 4)
    assert len(set(known.keys.tolist())) == 4


def cost(groups: list[list[int]], lengths: list[int], overhead: int) -> int:
    return sum(len(group) * max(lengths[row] for row in group) + overhead for group in groups)


def test_groups_cost_least_of_all_ways_to_cut() -> None:
    drawn = random.Random(0)
    for _ in range(20):
        lengths = [drawn.randint(1, 60) for _ in range(8)]
        groups = length_groups(lengths, 30)
        assert sorted(itertools.chain(*groups)) == list(range(8))
        order = sorted(range(8), key=lambda row: lengths[row])
        every = []
        for cuts in itertools.product([False, True], repeat=7):
            edges = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), 8]
            every.append(cost([order[a:b] for a, b in itertools.pairwise(edges)], lengths, 30))
        assert cost(groups, lengths, 30) == min(every)


def every_cut(lengths: list[int], overhead: int) -> list[list[int]]:
    """The cheapest groups, with a cut considered between any two sides; of equally cheap ones the longest last."""
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    best: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        best.append(min((best[start][0] + (end - start) * longest + overhead, start) for start in range(end)))
    groups: list[list[int]] = []
    end = len(order)
    while end:
        groups.insert(0, order[best[end][1] : end])
        end = best[end][1]
    return groups


@given(st.lists(st.integers(0, 12) | st.integers(0, 200), max_size=30), st.integers(0, 150))
def test_groups_are_those_of_all_cuts(lengths: list[int], overhead: int) -> None:
    assert length_groups(lengths, overhead) == every_cut(lengths, overhead)


def test_equal_lengths_are_one_group() -> None:
    assert length_groups([5, 5, 5]) == [[0, 1, 2]]


def test_rate_rises_and_falls_to_zero_behind_the_last_step() -> None:
    rates = [learning_rate(step, 10, 1.0, 0.2) for step in range(10)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125])
    assert learning_rate(0, 10, 2.0, 0.0) == 2.0


def test_other_schedules() -> None:
    assert [learning_rate(step, 4, 1.0, 0.0, "constant") for step in range(4)] == [1.0] * 4
    cosine = [learning_rate(step, 4, 1.0, 0.0, "cosine") for step in range(4)]
    assert cosine == pytest.approx([1.0, 0.853553, 0.5, 0.146447], abs=1e-6)
