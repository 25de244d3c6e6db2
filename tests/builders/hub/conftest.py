"""A Hub, a client of it, and a dataset fit to be pushed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nyxqa.schemas.writing import file_hash
from tests.support.hub_client import Client
from tests.support.hub_server import HubServer, hub


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    with hub(tmp_path / "large") as running:
        yield running


@pytest.fixture
def client(server: HubServer, tmp_path: Path) -> Client:
    return Client(server, tmp_path / "home")


@pytest.fixture
def fit(dataset: Path) -> Path:
    """The built sample with a passed report on its bytes."""
    write_report(dataset)
    return dataset


def write_report(out: Path, passed: bool = True) -> None:
    (out / "report.json").write_text(
        json.dumps({"passed": passed, "manifest_sha256": file_hash(out / "manifest.json"), "further": [1]})
    )
