"""The window and its buffer, driven by a pretended cluster that ends tasks in an order by chance."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import count

import pytest

from nyxqa.builders.engine.executors.cluster.window import Ended, ready_first
from nyxqa.schemas.chance import keyed_hash


class Cluster:
    """Ends tasks in an order that the seed decides; task ``hung`` only when nothing else is left."""

    def __init__(self, seed: int, hung: int | None = None, failing: Collection[int] = ()) -> None:
        self.seed, self.hung, self.failing = seed, hung, failing
        self.started: list[int] = []
        self.most = 0

    def submit(self, task: int) -> int:
        self.started.append(task)
        return task

    def ended(self, handles: Collection[int]) -> Iterator[tuple[int, Ended[int]]]:
        self.most = max(self.most, len(handles))
        able = sorted(set(handles) - {self.hung}, key=lambda one: keyed_hash(self.seed, "end", str(one))) or [*handles]
        for one in able[: 1 + self.seed % 3]:
            yield one, Ended(error=ValueError(f"task {one}")) if one in self.failing else Ended(one * one)


@pytest.mark.parametrize("window", [1, 2, 5, 64])
@pytest.mark.parametrize("seed", range(6))
def test_results_come_in_the_order_of_the_tasks_whatever_ends_first(seed: int, window: int) -> None:
    cluster = Cluster(seed)
    found = list(ready_first(range(40), cluster.submit, cluster.ended, lambda: window))
    assert found == [one * one for one in range(40)]
    assert cluster.started == list(range(40))
    assert cluster.most == min(window, 40)


def test_a_task_that_hangs_lets_all_others_run() -> None:
    cluster = Cluster(3, hung=0)
    results = ready_first(range(500), cluster.submit, cluster.ended, lambda: 2)
    assert next(results) == 0
    assert len(cluster.started) == 500
    assert list(results) == [one * one for one in range(1, 500)]


def test_the_buffer_is_bounded() -> None:
    cluster = Cluster(3, hung=0)
    results = ready_first(range(500), cluster.submit, cluster.ended, lambda: 4, held=50)
    assert next(results) == 0
    assert len(cluster.started) == 50
    assert list(results) == [one * one for one in range(1, 500)]


def test_tasks_are_read_as_they_are_started() -> None:
    read = count()
    cluster = Cluster(1)
    results = ready_first(iter(read.__next__, 100), cluster.submit, cluster.ended, lambda: 3, held=8)
    for done in range(60):
        assert next(results) == done * done
        assert len(cluster.started) <= done + 8
    assert list(ready_first([], cluster.submit, cluster.ended, lambda: 3)) == []


@pytest.mark.parametrize("seed", range(6))
def test_the_first_error_in_the_order_of_the_tasks_is_raised(seed: int) -> None:
    cluster = Cluster(seed, failing=(7, 8, 9))
    results = ready_first(range(1000), cluster.submit, cluster.ended, lambda: 6)
    assert [next(results) for _ in range(7)] == [one * one for one in range(7)]
    with pytest.raises(ValueError, match="task 7"):
        next(results)
    assert len(cluster.started) < 60


def test_the_window_may_grow_and_shrink() -> None:
    sizes = iter([1, 1, 9, 9, 2, 0] * 100)
    cluster = Cluster(5)
    found = list(ready_first(range(60), cluster.submit, cluster.ended, lambda: next(sizes)))
    assert found == [one * one for one in range(60)]
