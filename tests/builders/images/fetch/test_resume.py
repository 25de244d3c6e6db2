"""A kill in the middle of fetching costs at most what is in flight."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nyxqa.builders.images.fetch.store import FetchStore, store_name
from nyxqa.schemas.recipe import Images, Web
from tests.support.ingest import files_of, ingest, make_run, write_jsonl
from tests.support.web_server import WebServer, drawn

COUNT = 300
KINDS = ("ok", "missing", "gone", "html", "cut", "chain", "wrong_type")
SETTINGS = {"allow_private": ["127.0.0.1"], "per_host": 16, "concurrency": 16, "common": 1.0}
SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
from nyxqa.builders.images.fetch import retry
from nyxqa.schemas.recipe import Images, Web
from tests.support.ingest import ingest, make_run
retry.POLICY = replace(retry.POLICY, first_wait=0.02, jitter=0.02)
ingest(make_run(Path(sys.argv[1])), Web(source=sys.argv[2]), Images(**json.loads(sys.argv[3])))
"""


def start(work: Path, source: str, **more: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(work), source, json.dumps({**SETTINGS, **more})])


def wait_for(server: WebServer, requests: int) -> None:
    until = time.monotonic() + 60
    while server.requests.total() < requests:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_after_kills_nothing_that_was_fetched_is_fetched_again(tmp_path: Path) -> None:
    with WebServer(delay=0.02) as server:
        urls = [server.url(drawn(n, KINDS), n) for n in range(COUNT)]
        rows = [{"texts": [f"page {n}", None], "images": [None, url]} for n, url in enumerate(urls)]
        source = f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', rows)}"
        settings = Images(**SETTINGS)
        folder = tmp_path / "w" / store_name(settings)
        stored: set[str] = set()
        for stop in (60, 160):
            before = server.requests.copy()
            process = start(tmp_path / "w", source)
            wait_for(server, stop)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not [url for url in stored if server.requests[path_of(url)] != before[path_of(url)]]
            with FetchStore(folder) as store:
                stored = {url for url in urls if url in store}
            assert stop / 4 < len(stored) < COUNT
        before = server.requests.copy()
        assert start(tmp_path / "w", source).wait() == 0
        assert not [url for url in stored if server.requests[path_of(url)] != before[path_of(url)]]
        total = server.requests.total()
        ingest(make_run(tmp_path / "w"), Web(source=source), settings)
        assert server.requests.total() == total
        ingest(make_run(tmp_path / "whole", workers=2), Web(source=source), settings)
        assert files_of(tmp_path / "w" / "steps") == files_of(tmp_path / "whole" / "steps")


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_without_waiting_for_answers(tmp_path: Path, number: signal.Signals) -> None:
    """No answer comes, and none is given up within the time that the process has to end."""
    with WebServer() as server:
        rows = [{"texts": [f"page {n}", None], "images": [None, server.url("hang", n)]} for n in range(40)]
        source = f"jsonl:{write_jsonl(tmp_path / 'pages.jsonl', rows)}"
        process = start(tmp_path / "w", source, timeout=600.0)
        wait_for(server, 16)
        process.send_signal(number)
        process.wait(120)
        assert server.requests.total() == 16
        assert process.returncode in (-number, 1, 130)
        assert not list((tmp_path / "w").glob("steps/images.fetch/*/done.json"))
