"""From the name of an executor, as ``--executor`` takes it, to the executor."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.executors.protocol import Executor
from nyxqa.schemas.errors import UsageError

DEFAULT = "local"

_EXECUTORS: dict[str, Callable[[int], AbstractContextManager[Executor]]] = {"local": LocalExecutor}


def make_executor(name: str = DEFAULT, workers: int | None = None) -> AbstractContextManager[Executor]:
    """The executor of this name, which ends its workers when its context is left.

    :param workers: Number of worker processes; by default one per core.
    :raises UsageError: If ``name`` is not an executor.
    """
    if name not in _EXECUTORS:
        raise UsageError(f"{name!r} is not an executor; choose --executor from: {', '.join(_EXECUTORS)}")
    return _EXECUTORS[name](workers or os.cpu_count() or 1)
