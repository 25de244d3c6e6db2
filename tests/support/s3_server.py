"""moto's S3 on this machine, behind a server that counts requests and lets some of them fail."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import quote

VARIABLE = "NYXQA_MOTO"
BUCKET = "pages"
# moto takes any signature, and what has none for the public.
_SIGNED = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
_SERVE = """
import sys, threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


def moto_python() -> str | None:
    """An interpreter that has moto: the one that NYXQA_MOTO names, or this one; None without."""
    named = os.environ.get(VARIABLE)
    return named or (sys.executable if find_spec("moto") else None)


@dataclass
class S3Fault:
    """What goes wrong with requests whose ``METHOD /BUCKET/KEY`` matches.

    :param action: ``status`` answers 503; ``cut`` closes in the middle of the body; ``call`` runs ``then`` first.
    :param after: How many matching requests go well before.
    """

    match: str
    action: Literal["status", "cut", "call"] = "status"
    times: int = 1
    after: int = 0
    then: Callable[[], object] | None = None


@dataclass
class S3Server:
    """The server.

    :param requests: ``METHOD /BUCKET/KEY`` of each request, and the bytes of its answer.
    """

    moto: int
    port: int = 0
    requests: list[tuple[str, int]] = field(default_factory=list)
    faults: list[S3Fault] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def asked(self, pattern: str) -> list[tuple[str, int]]:
        """The requests that match."""
        return [one for one in self.requests if re.search(pattern, one[0])]

    def empty(self) -> None:
        """Remove all objects, and forget requests and faults."""
        for key in self.keys():
            self.direct("DELETE", f"/{BUCKET}/{key}")
        self.requests.clear()
        self.faults.clear()

    def put_folder(self, folder: Path, prefix: str) -> None:
        """Store all files of a folder below a prefix."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.put(f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def direct(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A request to moto itself, without the faults."""
        connection = http.client.HTTPConnection("127.0.0.1", self.moto, timeout=30)
        connection.request(method, quote(path, safe="/?=&"), body, {"Authorization": _SIGNED})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status < 300 or (method, answer.status) == ("GET", 404), (method, path, answer.status)
        return data if answer.status < 300 else b""

    def put(self, key: str, data: bytes, bucket: str = BUCKET) -> None:
        """Store an object."""
        self.direct("PUT", f"/{bucket}/{key}", data)

    def get(self, key: str, bucket: str = BUCKET) -> bytes:
        """An object's bytes; none if it is not there."""
        return self.direct("GET", f"/{bucket}/{key}")

    def keys(self, prefix: str = "", bucket: str = BUCKET) -> list[str]:
        """Sorted keys."""
        text = self.direct("GET", f"/{bucket}?list-type=2&prefix={prefix}").decode()
        return sorted(re.findall(r"<Key>([^<]*)</Key>", text))


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listening

    def _pass(self) -> None:
        state = self.server.state
        body = self._body()
        request = f"{self.command} {self.path}"
        fault = self._fault(request)
        if fault is not None and fault.then is not None:
            fault.then()
        if fault is not None and fault.action == "status":
            state.requests.append((request, 0))
            self._answer(503, [], b"<Error><Code>SlowDown</Code><Message>Please wait</Message></Error>")
            return
        connection = http.client.HTTPConnection("127.0.0.1", state.moto, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        state.requests.append((request, len(data)))
        self._answer(answer.status, answer.getheaders(), data, cut=fault is not None and fault.action == "cut")

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass  # noqa: N815 - names of the standard library

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _fault(self, request: str) -> S3Fault | None:
        with self.server.lock:
            for fault in self.server.state.faults:
                if fault.times > 0 and re.search(fault.match, request):
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        length = str(len(data))
        for name, value in headers:
            if name.lower() == "content-length":
                length = value if self.command == "HEAD" else length
            elif name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: S3Server) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.state, self.lock = state, threading.Lock()
        state.port = self.server_address[1]


@contextmanager
def s3_server(python: str) -> Iterator[S3Server]:
    """A running server with one empty bucket.

    :param python: An interpreter that has moto.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    moto = subprocess.Popen(
        [python, "-c", _SERVE],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert moto.stdout is not None
    try:
        state = S3Server(int(moto.stdout.readline()))
        listening = _Listening(state)
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        _until_up(state)
        yield state
        listening.shutdown()
        listening.server_close()
    finally:
        moto.kill()
        moto.wait()


def _until_up(state: S3Server) -> None:
    for _ in range(200):
        try:
            state.direct("PUT", f"/{BUCKET}")
            return
        except ConnectionError:
            time.sleep(0.05)
    raise AssertionError("moto does not answer")
