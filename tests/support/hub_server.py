"""A local server that speaks enough of the Hub's protocol for the real clients, with faults on demand."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from tests.support.hub_handler import Handler
from tests.support.hub_store import Store

Action = Literal["status", "drop", "lose", "reset", "call"]
TOKENS = {"hf_write": "write", "hf_read": "read"}
USER = "ann"


@dataclass
class Fault:
    """Something that goes wrong with requests whose ``METHOD /path`` matches.

    :param action: ``status`` answers it instead; ``drop`` closes the connection unanswered; ``lose`` does what is
        asked and closes without an answer; ``reset`` cuts the connection after a part of the body; ``call`` runs
        ``then`` first and goes on.
    :param times: How many requests it hits.
    """

    match: str
    action: Action
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    then: Callable[[], None] | None = None


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    status: int = 0
    body: int = 0
    token: str = ""


class HubServer(ThreadingHTTPServer):
    """The server; ``store`` is what it holds, ``seen`` what it was asked.

    :param keep: Folder of large files; None hashes and forgets them.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, keep: Path | None) -> None:
        self.store = Store(keep)
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.tokens = dict(TOKENS)
        self.may_read_gated: set[str] = set()
        self._faults_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def clear(self) -> None:
        """Forget all repositories, files, requests and faults."""
        self.store.repositories.clear()
        self.store.large.clear()
        self.seen.clear()
        self.faults = []
        self.may_read_gated.clear()

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets; each is used up."""
        with self._faults_lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.match, f"{method} {path}"):
                    fault.times -= 1
                    return fault
        return None

    def uploads(self) -> list[Seen]:
        """Large files that came in."""
        return [one for one in self.seen if one.method == "PUT" and one.path.startswith("/lfs/")]

    def asked(self, pattern: str) -> list[Seen]:
        """Requests whose ``METHOD /path`` matches."""
        return [one for one in self.seen if re.search(pattern, f"{one.method} {one.path}")]

    def handle_error(self, request: object, client_address: object) -> None:
        """Cut connections are wanted here; anything else is told by the client's failure."""


def cut(connection: socket.socket) -> None:
    """Close a connection by a reset rather than in good order."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def hub(keep: Path | None) -> Iterator[HubServer]:
    """A running server."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    server = HubServer(keep)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
