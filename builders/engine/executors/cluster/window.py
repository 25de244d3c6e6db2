"""The ready-first window: a bounded number of tasks under way, whichever ends first, and results in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
H = TypeVar("H", bound=Hashable)

HELD = 4096  # most results that wait for an earlier one


@dataclass(frozen=True, slots=True)
class Ended(Generic[R]):
    """A task that has ended: with a result, or with an error."""

    result: R | None = None
    error: BaseException | None = None


def ready_first(
    tasks: Iterable[T],
    submit: Callable[[T], H],
    ended: Callable[[Collection[H]], Iterable[tuple[H, Ended[R]]]],
    window: Callable[[], int],
    held: int = HELD,
) -> Iterator[R]:
    """Results in the order of ``tasks``, which is read lazily; the first error in that order is raised.

    A task that takes long, as on a node that hangs, does not keep others from starting: their results wait in a buffer.
    Once a task has failed no further one is started.

    :param submit: Starts a task; returns a handle of it.
    :param ended: Waits until at least one of the handles given has ended; returns those that have.
    :param window: Most tasks under way at this moment; at least 1.
    :param held: Most tasks that may be started beyond the first that has not ended.
    """
    numbers: dict[H, int] = {}
    waiting: dict[int, Ended[R]] = {}
    remaining = iter(tasks)
    started = given = 0
    more = True
    while True:
        while more and len(numbers) < max(1, window()) and started - given < held:
            more = False
            for task in islice(remaining, 1):
                numbers[submit(task)] = started
                started, more = started + 1, True
        while given in waiting:
            one = waiting.pop(given)
            if one.error is not None:
                raise one.error
            given += 1
            yield one.result  # type: ignore[misc]
        if not numbers and not more:
            return
        for handle, one in ended(numbers.keys()) if numbers else ():
            waiting[numbers.pop(handle)] = one
            more = more and one.error is None
