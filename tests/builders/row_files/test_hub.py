import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.question_sets.passages import Passage, read_passages
from nyxqa.builders.row_files.hub import HubName

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
import sys
from nyxqa.builders.row_files.hub import HubName
from nyxqa.retriever.models.checkpoints import resolve_revision
from nyxqa.schemas.errors import WorldError
try:
    print(HubName.parse("user/set/config").pinned().revision, resolve_revision("user/model", "v1"))
except WorldError as error:
    print("error:", error)
"""


class Hub(BaseHTTPRequestHandler):
    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        body = f'{{"id": "user/x", "sha": "{COMMIT}", "tags": [], "siblings": []}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    Hub.paths = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(endpoint: str, home: Path) -> str:
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    for name in ("HF_HUB_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, check=True, text=True
    ).stdout.strip()


def test_revisions_are_resolved_to_commits(hub: ThreadingHTTPServer, tmp_path: Path) -> None:
    assert run(f"http://127.0.0.1:{hub.server_port}", tmp_path) == f"{COMMIT} {COMMIT}"
    asked = [path for path in Hub.paths if path.startswith(("/api/datasets/", "/api/models/"))]
    assert asked == ["/api/datasets/user/set", "/api/models/user/model/revision/v1"]


def test_a_hub_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    assert run("http://127.0.0.1:9", tmp_path).startswith("error: cannot resolve hf:user/set to a commit")


def test_a_full_commit_needs_no_network() -> None:
    name = HubName.parse(f"user/set@{COMMIT}")
    assert name.pinned() is name


def test_rows_are_streamed_through_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "user" / "set"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2], "contents": ['"A"\nx', '"B"\ny']}), folder / "train-00000-of-00001.parquet")
    monkeypatch.chdir(tmp_path)
    assert list(read_passages("hf:user/set")) == [
        Passage("user/set:0", "1", "A", '"A"\nx'),
        Passage("user/set:1", "2", "B", '"B"\ny'),
    ]
