"""A Hub, a client of it, and a dataset fit to be pushed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from nyxqa.schemas.writing import file_hash
from tests.support.hub_client import WRITES, Client, client_of
from tests.support.hub_server import HubServer, hub


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubServer, Client]]:
    folder = tmp_path_factory.mktemp("hub")
    with hub(folder / "large") as server, client_of(server, folder / "home") as client:
        yield server, client


@pytest.fixture
def server(_running: tuple[HubServer, Client]) -> HubServer:
    """The server of this file's tests, empty."""
    server = _running[0]
    server.clear()
    return server


@pytest.fixture
def client(_running: tuple[HubServer, Client], server: HubServer) -> Client:
    """The client of this file's tests, with a token that may write and an empty cache."""
    client = _running[1]
    client.token = WRITES
    shutil.rmtree(client.home, ignore_errors=True)
    return client


@pytest.fixture
def fit(dataset: Path) -> Path:
    """The built sample with a passed report on its bytes."""
    write_report(dataset)
    return dataset


def write_report(out: Path, passed: bool = True) -> None:
    """Let ``report.json`` speak of the bytes that lie in ``out``."""
    (out / "report.json").write_text(
        json.dumps({"passed": passed, "manifest_sha256": file_hash(out / "manifest.json"), "further": [1]})
    )
