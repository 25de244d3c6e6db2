"""Whatever goes wrong between here and the Hub: one commit, no duplicate, or one clear line and nothing visible."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hub_client import Client
from tests.support.hub_server import Fault, HubServer
from tests.support.hub_store import small_blob

NAME = "ann/set"
COMMIT = "POST .*/commit/"

PASSING = {
    "429": [Fault(COMMIT, "status", 429, {"Retry-After": "1"})],
    "500 and 503": [Fault(COMMIT, "status", 500), Fault("POST .*/api/repos/create", "status", 503)],
    "409": [Fault(COMMIT, "status", 409)],
    "412": [Fault(COMMIT, "status", 412)],
    "connection dropped": [Fault(COMMIT, "drop"), Fault("GET .*whoami", "drop"), Fault("POST .*/tag/", "drop")],
    "reply lost": [Fault(COMMIT, "lose"), Fault("POST .*/tag/", "lose")],
    "reset during an upload": [Fault("PUT /lfs/", "reset", times=2)],
    "replies of uploads lost": [Fault("PUT /lfs/", "lose"), Fault("POST .*/batch", "status", 503)],
    "slow tree": [Fault("GET .*/tree/", "status", 429, {"Retry-After": "1"})],
}


@pytest.mark.parametrize("name", PASSING)
def test_passing_fault_ends_in_one_commit(name: str, server: HubServer, client: Client, fit: Path) -> None:
    server.faults = [Fault(f.match, f.action, f.status, f.headers, f.times) for f in PASSING[name]]
    client.push(fit, NAME, "--force")
    assert all(fault.times == 0 for fault in server.faults)
    repository = server.store.repositories[NAME]
    assert len(repository.history) == 1
    assert len([ref for ref in repository.refs if ref.startswith("refs/tags/")]) == 1


def test_lost_reply_of_a_pull_request_makes_no_second(server: HubServer, client: Client, fit: Path) -> None:
    server.faults = [Fault(COMMIT, "lose")]
    assert "is at refs/pr/1" in client.push(fit, NAME, "--create-pr", "--force").stdout
    assert [ref for ref in server.store.repositories[NAME].refs if "/pr/" in ref] == ["refs/pr/1"]


def test_commit_of_somebody_else_becomes_the_ground(server: HubServer, client: Client, fit: Path) -> None:
    def meanwhile() -> None:
        repository = server.store.repositories[NAME]
        files = {**repository.files(), "notes.txt": small_blob(b"theirs")}
        server.store.add_commit(repository, "refs/heads/main", "theirs", files)

    server.faults = [Fault(COMMIT, "call", then=meanwhile)]
    client.push(fit, NAME, "--force")
    repository = server.store.repositories[NAME]
    assert [commit.title.split()[0] for commit in repository.history] == ["Dataset", "theirs"]
    assert repository.files()["notes.txt"].content == b"theirs"


@pytest.mark.parametrize(
    ("token", "line"),
    [
        (None, "no token for the Hub: set HF_TOKEN"),
        ("hf_wrong", "the Hub does not accept the token"),
        ("hf_read", "may only read"),
    ],
)
def test_token_that_does_not_do(server: HubServer, client: Client, fit: Path, token: str | None, line: str) -> None:
    client.token = token
    done = client.run("push", fit, NAME, "--force")
    assert done.returncode == 1
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert server.store.repositories == {}


def test_token_without_permission_on_this_repository(server: HubServer, client: Client, fit: Path) -> None:
    server.faults = [Fault("POST .*/api/repos/create", "status", 403)]
    done = client.run("push", fit, NAME, "--force")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the token may not do that" in done.stderr


def test_repository_deleted_half_way(server: HubServer, client: Client, fit: Path) -> None:
    server.faults = [Fault("PUT /lfs/", "call", then=lambda: server.store.repositories.pop(NAME) and None)]
    done = client.run("push", fit, NAME, "--force")
    assert done.returncode == 1
    assert "it does not exist on the Hub" in done.stderr.splitlines()[-1]
    assert server.store.repositories == {}


def test_hub_that_stays_down_shows_nothing_half(server: HubServer, client: Client, fit: Path) -> None:
    server.faults = [Fault(COMMIT, "status", 503, {"Retry-After": "0"}, times=99)]
    done = client.run("push", fit, NAME, "--force")
    assert done.returncode == 1
    assert "the Hub answered 503" in done.stderr.splitlines()[-1]
    assert server.store.repositories[NAME].files() == {}
