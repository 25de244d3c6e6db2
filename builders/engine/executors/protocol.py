"""What a step needs of whatever works on its shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Where a step's shards are worked on: in the workers of the build's executor; one after the other in this process; in
# threads of this process, for steps that wait for an endpoint; or, for steps that hold a large model, in tasks with a
# GPU each on a cluster that has one, and one after the other in this process elsewhere.
Where = Literal["workers", "driver", "threads", "encoder"]


class Executor(Protocol):
    """Runs a picklable function over tasks."""

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``, which is read lazily; the first error of a task is raised."""
        ...
