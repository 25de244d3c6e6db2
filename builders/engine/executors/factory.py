"""From the name of an executor, as ``--executor`` takes it, to the executor."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from nyxqa.builders.engine.executors.cluster.executor import RayExecutor
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.executors.protocol import Executor
from nyxqa.schemas.errors import UsageError

DEFAULT = "local"
_RAY = "ray"
_FORMS = "local, ray[:ADDRESS]"


def make_executor(
    name: str = DEFAULT, workers: int | None = None, out: Path = Path()
) -> AbstractContextManager[Executor]:
    """The executor of this name, which ends its workers when its context is left.

    :param workers: Number of worker processes; by default one per core.
    :param out: The output folder, which all nodes of a cluster must see.
    :raises UsageError: If ``name`` is not an executor, or its extra is not installed.
    """
    kind, colon, address = name.partition(":")
    if name == DEFAULT:
        return LocalExecutor(workers or os.cpu_count() or 1)
    if kind != _RAY or (colon and not address):
        raise UsageError(f"{name!r} is not an executor; choose --executor from: {_FORMS}")
    return RayExecutor(address or None, out, workers)
