"""Who is refused: other windows, sites, machines, and SQL that does more than look."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from nyxqa.builders.browse.commands import browse, review
from nyxqa.builders.browse.judging.queue import QueueOptions
from nyxqa.builders.browse.server.security import CSRF_HEADER, HOST
from nyxqa.builders.browse.server.serve import listening
from nyxqa.schemas.errors import MissingExtraError, WorldError
from tests.support.browse_server import Served, served
from tests.support.tiny_dataset import tiny_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("guarded") / "out"
    tiny_dataset().write(out)
    return out


@pytest.fixture(scope="module")
def site(data: Path) -> Iterator[Served]:
    with served(data, "anna") as running:
        yield running


def test_the_address_lets_one_window_in(data: Path) -> None:
    with served(data) as running:
        out = {"Cookie": ""}
        for wrong in ("/", "/?token=", f"/?token={running.access.token[:-1]}", "/static/app.css", "/rows"):
            status, text, _ = running.ask(wrong, headers=out)
            assert status == 403, wrong
            assert "triplets" not in text
        status, _, headers = running.ask(f"/rows?token={running.access.token}", headers=out)
        assert (status, headers["location"]) == (303, "/rows")
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert running.access.token not in cookie
        assert running.ask("/", headers={"Cookie": cookie.partition(";")[0]})[0] == 200
        assert running.ask(f"/?token={running.access.token}", headers=out)[0] == 403  # it was used
        assert running.ask("/", headers={"Cookie": f"{running.access.cookie}=x"})[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "nyxqa.example"},
        {"Host": f"{HOST}:1"},
        {"Origin": "http://nyxqa.example"},
        {"Origin": "null"},
        {"Origin": f"http://{HOST}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_other_hosts_and_origins_are_refused(site: Served, headers: dict[str, str]) -> None:
    for path, method in (("/", "GET"), ("/review/verdict", "POST")):
        status, text, _ = site.ask(path, method, b"{}", {CSRF_HEADER: site.access.csrf, **headers})
        assert status == 403
        assert "triplets" not in text


def test_a_post_needs_the_token_of_the_page(site: Served, data: Path) -> None:
    body = json.dumps({"place": 0, "verdict": "accept"}).encode()
    for path in ("/review/verdict", "/review/undo"):
        for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: site.access.session}):
            assert site.ask(path, "POST", body, headers)[0] == 403
    assert (data / "review" / "anna.jsonl").read_bytes() == b""
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert site.ask("/review/verdict", method, body, {CSRF_HEADER: site.access.csrf})[0] == 405


def test_verdicts_that_are_none_are_refused(site: Served, data: Path) -> None:
    assert site.session is not None
    row = site.session.row(0)
    good = {"place": 0, "verdict": "accept", "reasons": [], "relevant": [], "note": "", "seen": row["row_hash"]}
    wrong = [
        {"place": -1},
        {"place": 10**9},
        {"place": True},
        {"verdict": "undo"},
        {"verdict": ["accept"]},
        {"reasons": ["<script>"]},
        {"reasons": "other"},
        {"relevant": ["f" * 32]},
        {"note": "x" * 3000},
        {"note": 3},
        {"seen": "other"},
    ]
    headers = {CSRF_HEADER: site.access.csrf}
    for change in wrong:
        status, text, _ = site.ask("/review/verdict", "POST", json.dumps({**good, **change}).encode(), headers)
        assert status == 400, change
        assert "error" in json.loads(text)
    for body in (b"[]", b"no json", b"[" * 50_000):
        assert site.ask("/review/verdict", "POST", body, headers)[0] == 400
    assert site.ask("/review/verdict", "POST", b"x" * 70_000, headers)[0] == 413
    assert (data / "review" / "anna.jsonl").read_bytes() == b""


def test_pages_carry_their_policy(site: Served) -> None:
    for path in ("/", "/rows", "/static/review.js", "/nothing", "/sql?query=COPY"):
        _, text, headers = site.ask(path)
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert {policy[f"{one}-src"] for one in ("img", "style", "script", "connect")} == {"'self'"}
        assert headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script>|\son\w+=|style=", text)


def test_no_other_interface_answers(site: Served) -> None:
    for host in ("127.0.0.2", socket.gethostbyname(socket.gethostname())):
        if host == HOST:
            continue
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection((host, site.access.port), timeout=5).close()


def test_a_port_that_is_taken_is_told(site: Served) -> None:
    with pytest.raises(WorldError, match=f"port {site.access.port} of {HOST} cannot be used: .*; give another --port"):
        listening(site.access.port)


ATTACKS = {
    "two statements": "SELECT 1; DROP TABLE triplets",
    "insert": "INSERT INTO triplets SELECT * FROM triplets",
    "create": "CREATE TABLE own AS SELECT 1",
    "file": "SELECT * FROM read_text('/etc/passwd')",
    "csv": "SELECT * FROM read_csv('/etc/passwd')",
    "glob": "SELECT * FROM glob('/etc/*')",
    "file as table": "SELECT * FROM '/etc/passwd'",
    "copy": "COPY (SELECT 1) TO '/tmp/nyxqa_stolen.csv'",
    "attach": "ATTACH '/tmp/nyxqa_other.db' AS other",
    "install": "INSTALL httpfs",
    "load": "LOAD httpfs",
    "settings": "SET enable_external_access = true",
    "pragma": "PRAGMA disable_checkpoint_on_shutdown",
    "web": "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
    "endless": "SELECT count(*) FROM range(100000000) a, range(100000000) b",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_sql_that_does_more_than_look_is_refused(site: Served, name: str) -> None:
    status, text, _ = site.ask(f"/sql?query={quote(ATTACKS[name])}")
    assert status == 400
    assert "root:" not in text
    if name != "two statements":  # a condition is a part of one SELECT, which refuses the rest as well
        status, text, _ = site.ask(f"/rows?where={quote(f'query_id IN ({ATTACKS[name]})')}")
        assert status == 400
        assert "root:" not in text
    assert site.ask("/sql?query=SELECT+count(*)+FROM+triplets")[0] == 200


def test_at_most_a_thousand_rows_are_shown(site: Served) -> None:
    _, text, _ = site.ask(f"/sql?query={quote('SELECT range AS n FROM range(5000)')}")
    assert text.count("<td>") == 1000


def test_a_missing_extra_is_told_with_its_install_line(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    for call in (lambda: browse(data), lambda: review(data, "bob", QueueOptions())):
        with pytest.raises(MissingExtraError, match=r"starlette is not installed; .*pip install '\.\[browse\]'"):
            call()
    assert not (data / "review" / "bob.jsonl").exists()
