"""The pages of a dataset, served from a thread of the test on a free port."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.browse.judging.queue import QueueOptions
from nyxqa.builders.browse.judging.session import ReviewSession
from nyxqa.builders.browse.server.app import make_app
from nyxqa.builders.browse.server.pages import Pages
from nyxqa.builders.browse.server.review_routes import review_routes
from nyxqa.builders.browse.server.security import HOST, Access
from nyxqa.builders.browse.server.serve import listening


@dataclass
class Served:
    """A running server.

    :param access: Its secrets.
    :param session: The reviewer's, if there is one.
    """

    access: Access
    dataset: BrowsedDataset
    session: ReviewSession | None

    @property
    def url(self) -> str:
        """The address that opens the first page once."""
        return self.access.url("/review" if self.session else "/")

    def ask(
        self, path: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, text and headers of an answer; asked by the window that is let in."""
        connection = http.client.HTTPConnection(HOST, self.access.port, timeout=60)
        own = {"Cookie": f"{self.access.cookie}={self.access.session}", "Host": f"{HOST}:{self.access.port}"}
        connection.request(method, path, body or None, {**own, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, text, answer.headers


@contextmanager
def served(data: Path, reviewer: str = "", options: QueueOptions | None = None) -> Iterator[Served]:
    """Serve a dataset, to a reviewer if one is named."""
    dataset = BrowsedDataset(data)
    listener = listening(0)
    access = Access(listener.getsockname()[1])
    session = None
    if reviewer:
        seeded = replace(options or QueueOptions(), seed=dataset.published.manifest.seed)
        session = ReviewSession(dataset, reviewer, seeded)
    pages = Pages(dataset, access, reviewer)
    app = make_app(dataset, access, pages, review_routes(session, pages) if session else None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Served(access, dataset, session)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        if session is not None:
            session.close()
        dataset.close()
