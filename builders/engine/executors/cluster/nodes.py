"""The nodes of a cluster: waiting for one, and looking at each before it gets work."""

from __future__ import annotations

import time
from typing import Any

from nyxqa.schemas.errors import WorldError

PATIENCE = 30.0  # seconds without any node that can work
_PAUSE = 0.2
_FEWEST = 2  # tasks under way, however small the cluster is now


def working_nodes() -> list[dict[str, Any]]:
    """The living nodes that have a processor for tasks."""
    import ray

    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]


class Watch:
    """Sees how many tasks the cluster can have, and that it has not been without nodes for too long.

    :param workers: Most tasks at a time; None for as many as there are processors, and as many more in their queues.
    :param patience: Seconds without any node after which there will be none.
    """

    def __init__(self, workers: int | None, patience: float = PATIENCE) -> None:
        self._workers, self._patience = workers, patience
        self._window = _FEWEST
        self._seen = time.monotonic()

    def window(self) -> int:
        """Most tasks under way, as of the last look."""
        return self._workers or self._window

    def look(self) -> bool:
        """Look at the nodes; returns whether there is one.

        :raises WorldError: If there has been none for too long.
        """
        nodes = working_nodes()
        if nodes:
            self._window = max(_FEWEST, 2 * sum(int(node["Resources"]["CPU"]) for node in nodes))
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self._patience:
            raise WorldError(
                f"no node of the Ray cluster has had a processor for {self._patience:.0f} s; start one with: ray start "
                "--address=HOST:PORT; then run again, finished shards are reused"
            )
        return bool(nodes)

    def wait(self) -> None:
        """Wait for a node.

        :raises WorldError: If none comes.
        """
        self._seen = time.monotonic()
        while not self.look():
            time.sleep(_PAUSE)
