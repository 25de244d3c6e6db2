"""The executor of a Ray cluster."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from nyxqa.builders.engine.executors.cluster.nodes import PATIENCE, Watch, working_nodes
from nyxqa.builders.engine.executors.cluster.task import Session, Token, join, run_task, versions
from nyxqa.builders.engine.executors.cluster.transport import packed
from nyxqa.builders.engine.executors.cluster.window import Ended, ready_first
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.executors.protocol import Executor
from nyxqa.builders.engine.limits import current, limited
from nyxqa.schemas.errors import UsageError, WorldError, first_line, missing_extra, one_line
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.manifest import WORK

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 3  # further attempts at a task whose worker or node is lost
_LOOK = 1.0  # seconds between two looks at the nodes while nothing ends
_CONNECT = 10.0  # seconds for the head node to answer
_PROBE = 60.0  # seconds for the nodes to answer
# Beginnings of the names of variables that workers get of the driver's environment; they ask no model.
_PASSED = ("HF_", "AWS_", "TRANSFORMERS_", "TOKENIZERS_", "SSL_", "REQUESTS_")
_LOST = (
    "a worker process died {times} times over one shard, perhaps because memory ran out ({reason}); run again with "
    "fewer --workers"
)


class RayExecutor:
    """Tasks in worker processes of the nodes of a Ray cluster, which all see one folder.

    :param address: Of the cluster, ``HOST:PORT``; None for ``RAY_ADDRESS`` or the one that runs on this machine, and
        one of this machine alone if there is none.
    :param shared: The output folder, which every node must have at the same path.
    :param workers: Most tasks at a time; None for as many as the cluster has processors.
    :param patience: Seconds without any node that can work, after which the build ends.
    :raises UsageError: If Ray is not installed, or the address is one of Ray's client.
    """

    def __init__(self, address: str | None, shared: Path, workers: int | None, patience: float = PATIENCE) -> None:
        if importlib.util.find_spec("ray") is None:
            raise missing_extra("ray", "ray")
        if "://" in (address or ""):
            raise UsageError(f"--executor ray:{address}: give HOST:PORT, and run nyxqa on a node of the cluster")
        self._address, self._shared = address, shared.absolute()
        self._watch = Watch(workers, patience)
        self._session = b""
        self._open = ExitStack()

    def __enter__(self) -> RayExecutor:
        with ExitStack() as opened:
            opened.enter_context(_connected(self._address))
            token = opened.enter_context(_token(self._shared))
            self._session = packed(Session(token, versions(), Path.cwd(), _environment()))
            self._watch.wait()
            self._probe()
            # Random access belongs on a disk of the machine.
            opened.enter_context(limited(replace(current(), scratch=Path(tempfile.gettempdir()))))
            self._open = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``.

        :raises WorldError: If workers die over one task again and again, or no node is left.
        """
        return self.spread(function, tasks, 0, RETRIES)

    def has_gpu(self) -> bool:
        """Whether a node of the cluster has a GPU."""
        import ray

        return bool(ray.cluster_resources().get("GPU", 0) >= 1)

    def spread(self, function: Callable[[T], R], tasks: Iterable[T], gpus: int, retries: int) -> Iterator[R]:
        """As ``map``.

        :param gpus: Of each task.
        :param retries: Further attempts at a task whose worker or node is lost.
        """
        import ray

        limits = current()
        session = ray.put(self._session)
        remote = _remote(run_task, num_cpus=1, num_gpus=gpus, max_retries=retries, scheduling_strategy="SPREAD")
        under_way: set[Any] = set()

        def submit(task: T) -> Any:
            handle = remote.remote(session, limits, packed((function, task)))
            under_way.add(handle)
            return handle

        def ended(handles: Collection[Any]) -> list[tuple[Any, Ended[R]]]:
            ready = self._ready(list(handles))
            under_way.difference_update(ready)
            return [(handle, _outcome(handle, retries)) for handle in ready]

        try:
            yield from ready_first(tasks, submit, ended, self._watch.window)
        finally:
            for handle in under_way:
                ray.cancel(handle, force=True)

    def _ready(self, handles: list[Any]) -> list[Any]:
        """Those of ``handles`` that have ended, at least one."""
        import ray

        while True:
            ready, _ = ray.wait(handles, num_returns=1, timeout=_LOOK)
            self._watch.look()
            if ready:
                return list(ray.wait(handles, num_returns=len(handles), timeout=0)[0]) or ready

    def _probe(self) -> None:
        """Let every node compare itself with this process; one that does not answer is compared before it works.

        :raises WorldError: If a node differs, or does not have the shared folder.
        """
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        handles = []
        for node in working_nodes():
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            handles.append(_remote(join, num_cpus=0, max_retries=0, scheduling_strategy=place).remote(self._session))
        for handle in ray.wait(handles, num_returns=len(handles), timeout=_PROBE)[0]:
            error = _outcome(handle, 0).error
            if error is not None and not isinstance(error, _LostWorkerError):
                raise error


class GpuExecutor:
    """Tasks of encoders, with a GPU each.

    :param cluster: Whose nodes work on them.
    :param retries: Further attempts at a task whose worker or node is lost.
    """

    def __init__(self, cluster: RayExecutor, retries: int) -> None:
        self._cluster, self._retries = cluster, retries

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Results in the order of ``tasks``, as ``RayExecutor.map`` has them."""
        return self._cluster.spread(function, tasks, 1, self._retries)


def encoders(executor: Executor, retries: int = RETRIES) -> Executor:
    """What works on the shards of encoders: tasks with a GPU each where ``executor`` has GPUs, else this process."""
    if isinstance(executor, RayExecutor) and executor.has_gpu():
        return GpuExecutor(executor, retries)
    return LocalExecutor(1)


class _LostWorkerError(WorldError):
    """The worker or the node of a task was lost too often."""


def _remote(function: Callable[..., Any], **options: Any) -> Any:
    import ray

    return ray.remote(function).options(**options)


def _outcome(handle: Any, retries: int) -> Ended[Any]:
    """The result of a task that has ended, or its error as the task raised it.

    :param retries: How often a lost one was tried again.
    """
    import ray

    try:
        return Ended(ray.get(handle))
    except ray.exceptions.RayTaskError as error:
        return Ended(error=_cause(error))
    except ray.exceptions.RayError as error:
        return Ended(error=_LostWorkerError(_LOST.format(times=retries + 1, reason=first_line(error))))


def _cause(error: Any) -> BaseException:
    """What a task raised, with the traceback of the worker as its cause."""
    cause = error.cause
    if not isinstance(cause, BaseException):
        return WorldError(f"a task failed on a node of the cluster: {one_line(error)}")
    cause.__cause__ = RuntimeError(str(error))
    return cause


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """A connection to a cluster, which is left as it was found.

    :raises WorldError: If there is no cluster at ``address``.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    if address is not None:
        _reach(address)
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", include_dashboard=None if address else False)
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise WorldError(
            f"--executor ray: no cluster can be used at {address or 'this machine'}: {one_line(error)}; if it was "
            "started with a token, set RAY_AUTH_MODE=token"
        ) from error
    if main:
        signal.signal(signal.SIGTERM, handler)  # Ray takes it
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """See that something listens at ``address``: Ray would try for minutes.

    :raises UsageError: If it is not HOST:PORT.
    :raises WorldError: If nothing listens.
    """
    from ray.util import get_node_ip_address

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--executor ray:{address}: give HOST:PORT, as ray start prints it")
    # Ray takes a name of this machine for its address on the network.
    place = get_node_ip_address() if host in ("localhost", "127.0.0.1") else host
    try:
        socket.create_connection((place, int(port)), _CONNECT).close()
    except (OSError, OverflowError) as error:
        raise WorldError(
            f"--executor ray: no cluster answers at {place}:{port}: {one_line(error)}; start one with: ray start --head"
        ) from error


@contextmanager
def _token(shared: Path) -> Iterator[Token]:
    """A file in the work folder whose name that of a temporary file is: what a killed driver leaves is swept."""
    text = secrets.token_hex(16)
    file = shared / WORK / f".ray.{text[:12]}.part"
    write_bytes(file, text.encode())
    try:
        yield Token(file, text)
    finally:
        file.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
