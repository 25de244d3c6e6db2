"""Ray clusters on this machine: a head without processors, and nodes of one processor each."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.running import ROOT

_TASK = "ray::run_task"  # as a worker is named while it works on a shard
_STORE = 80 << 20  # bytes of a node's object store
# After how long a dead node is taken for dead; Ray's own values make that half a minute.
_NOTICED = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 3000,
    "health_check_failure_threshold": 3,
}


@dataclass
class RayCluster:
    """A running cluster.

    :param cluster: Ray's own object.
    """

    cluster: Any
    nodes: list[Any] = field(default_factory=list)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return str(self.cluster.address)

    @property
    def executor(self) -> str:
        """As ``--executor`` takes it."""
        return f"ray:{self.address}"

    def add(self, folder: Path | None = None, gpus: int = 0) -> Any:
        """Start a node; its workers start in ``folder``, and it says that it has ``gpus``."""
        before = Path.cwd()
        try:
            os.chdir(folder or before)
            node = self.cluster.add_node(num_cpus=1, num_gpus=gpus, object_store_memory=_STORE, wait=True)
        finally:
            os.chdir(before)
        self.nodes.append(node)
        return node

    def raylet(self, node: Any) -> psutil.Process:
        """The process that a node is."""
        return psutil.Process(node.all_processes["raylet"][0].process.pid)

    def workers(self, node: Any, name: str = _TASK) -> list[psutil.Process]:
        """Workers of a node that work on a shard."""
        found = []
        for process in self.raylet(node).children(recursive=True):
            try:
                if " ".join(process.cmdline()).startswith(name):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def kill_inside_a_shard(self, node: Any, until: Callable[[], bool]) -> bool:
        """Kill a node with its workers while one of them works; returns whether that came to be.

        :param until: Whether to stop waiting for it.
        """
        while not until():
            for worker in self.workers(node):
                worker.suspend()
                if worker in self.workers(node):  # it did not end in between
                    self.kill(node)
                    return True
                worker.resume()
            time.sleep(0.005)
        return False

    def kill(self, node: Any) -> None:
        """Kill a node as a power cut does."""
        raylet = self.raylet(node)
        for process in [raylet, *raylet.children(recursive=True)]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.cluster.remove_node(node, allow_graceful=False)
        self.nodes.remove(node)

    def freeze(self, node: Any, number: signal.Signals = signal.SIGSTOP) -> None:
        """Stop all processes of a node, or let them go on with SIGCONT."""
        raylet = self.raylet(node)
        for process in [raylet, *raylet.children(recursive=True)]:
            process.send_signal(number)


@contextmanager
def ray_cluster(nodes: int) -> Iterator[RayCluster]:
    """A cluster whose workers import this checkout."""
    from ray.cluster_utils import Cluster

    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_USAGE_STATS_ENABLED", "OMP_NUM_THREADS")}
    os.environ.update({"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"})
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _STORE}
    running = RayCluster(Cluster(initialize_head=True, head_node_args={**head, "_system_config": _NOTICED}))
    try:
        for _ in range(nodes):
            running.add()
        yield running
    finally:
        running.cluster.shutdown()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
