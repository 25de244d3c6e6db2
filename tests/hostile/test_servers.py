"""Crafted answers of an image server, each with its expected end: the image, or the reason why there is none."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nyxqa.builders.images.fetch import retry
from nyxqa.schemas.recipe import Images
from tests.support.fetching import LOOPBACK, fates
from tests.support.ingest import encoded, picture

# ruff: noqa: E501
PNG = encoded(picture())
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(PNG)
WHOLE = LENGTH + b"\r\n" + PNG
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MEDIUM = 200_000

# A body that ends early inside its own length or encoding is found when it is decoded.
# What the server writes before it closes, and how the fetch may end: reasons, or "image".
ANSWERS: dict[str, tuple[bytes, set[str]]] = {
    "a whole image": (OK + WHOLE, {"image"}),
    "nothing": (b"", {"no_response"}),
    "HTTP/0.9": (PNG, {"no_response"}),
    "HTTP/0.9 html": (b"<html>x</html>", {"no_response"}),
    "HTTP/2 settings": (b"\0\0\x12\x04\0\0\0\0\0", {"no_response"}),
    "a TLS alert": (b"\x15\x03\x01\0\x02\x02\x28", {"no_response"}),
    "an SSH banner": (b"SSH-2.0-OpenSSH_9.6\r\n", {"no_response"}),
    "a status line alone": (OK, {"no_response"}),
    "half a status line": (b"HTTP/1.1 2", {"no_response"}),
    "status of letters": (b"HTTP/1.1 two OK\r\n\r\n", {"no_response"}),
    "status 99": (b"HTTP/1.1 99 X\r\n\r\n", {"no_response", "http_other"}),
    "status 999": (b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", {"http_other", "no_response"}),
    "endless header": (OK + b"X-A: " + b"a" * 1_000_000, {"no_response"}),
    "many headers": (OK + b"X-A: b\r\n" * 100_000 + WHOLE, {"no_response", "image"}),
    "a header without a colon": (OK + b"nonsense\r\n" + WHOLE, {"no_response", "image"}),
    "a header with a NUL": (OK + b"X-A: a\0b\r\n" + WHOLE, {"no_response", "image"}),
    "a folded header": (OK + b"X-A: a\r\n b\r\n" + WHOLE, {"no_response", "image"}),
    "length of letters": (OK + b"Content-Length: all\r\n\r\n" + PNG, {"no_response"}),
    "length below zero": (OK + b"Content-Length: -5\r\n\r\n" + PNG, {"no_response"}),
    "length of 30 digits": (OK + b"Content-Length: 9" + b"9" * 29 + b"\r\n\r\n" + PNG, {"too_many_bytes", "no_response"}),
    "two lengths": (OK + LENGTH + b"Content-Length: 5\r\n\r\n" + PNG, {"no_response"}),
    "too short a length": (OK + b"Content-Length: 20\r\n\r\n" + PNG, {"20 other bytes"}),
    "length and chunks": (CHUNKED[:-2] + LENGTH + b"\r\n" + PNG, {"no_response", "truncated_body"}),
    "closed in the body": (OK + WHOLE[:-50], {"truncated_body"}),
    "bytes behind the body": (OK + WHOLE + b"HTTP/1.1 200 OK\r\n\r\nmore", {"image"}),
    "a chunk of letters": (CHUNKED + b"xyz\r\n" + PNG, {"no_response", "truncated_body"}),
    "a chunk below zero": (CHUNKED + b"-5\r\n" + PNG, {"no_response", "truncated_body"}),
    "a huge chunk": (CHUNKED + b"f" * 15 + b"\r\n" + PNG, {"truncated_body", "no_response", "too_many_bytes"}),
    "a chunk size without end": (CHUNKED + b"1" * 500_000, {"no_response", "truncated_body"}),
    "chunks without end": (CHUNKED + b"1\r\na\r\n" * 1000, {"truncated_body"}),
    "more than the limit": (OK + b"\r\n" + PNG + bytes(MEDIUM), {"too_many_bytes"}),
    "gzip of gzip": (OK + b"Content-Encoding: gzip, gzip\r\n\r\n" + gzip.compress(gzip.compress(PNG)), {"bad_encoding", "image"}),
    "gzip that grows": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50_000_000)), {"too_many_bytes"}),
    "gzip cut short": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(PNG)[:-20], {"2914 other bytes"}),
    "an unknown encoding": (OK + b"Content-Encoding: zzz\r\n" + WHOLE, {"bad_encoding", "image"}),
    "a redirect to nowhere": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", {"http_other", "bad_reference"}),
    "a redirect to itself": (b"HTTP/1.1 302 Found\r\nLocation: ?\r\nContent-Length: 0\r\n\r\n", {"too_many_redirects"}),
    "a redirect to a number": (b"HTTP/1.1 302 Found\r\nLocation: http://2852039166/\r\n\r\n", {"private_address"}),
    "a redirect to the metadata": (b"HTTP/1.1 301 M\r\nLocation: http://169.254.169.254/latest\r\n\r\n", {"private_address"}),
    "a redirect to IPv6": (b"HTTP/1.1 307 M\r\nLocation: http://[fd00::1]/\r\n\r\n", {"private_address"}),
    "a redirect to half an address": (b"HTTP/1.1 308 M\r\nLocation: http://[::1\r\n\r\n", {"bad_reference"}),
    "a redirect to a file": (b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n", {"bad_reference"}),
    "a redirect to data": (b"HTTP/1.1 302 F\r\nLocation: data:image/png;base64,AAAA\r\n\r\n", {"bad_reference"}),
    "a redirect of a megabyte": (b"HTTP/1.1 302 F\r\nLocation: /" + b"a" * 1_000_000 + b"\r\n\r\n", {"no_response", "bad_reference"}),
    "a redirect with bytes of no charset": (b"HTTP/1.1 302 F\r\nLocation: http://\xff\xfe/\r\n\r\n", {"bad_reference", "dns", "no_response", "private_address"}),
    "status 204 with a body": (b"HTTP/1.1 204 No\r\n" + WHOLE, {"http_other"}),
    "status 206": (b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/*\r\n" + WHOLE, {"http_other", "image"}),
    "status 304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", {"http_other"}),
    "status 401": (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", {"http_4xx", "http_401"}),
    "status 100 for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, {"no_response"}),
    "a wait of a year": (b"HTTP/1.1 429 W\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n", {"http_429"}),
    "a wait of letters": (b"HTTP/1.1 503 W\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", {"http_5xx"}),
}  # fmt: skip


@contextmanager
def answering(answers: list[bytes]) -> Iterator[int]:
    """The port of a server that answers ``/N`` with the bytes ``answers[N]`` and closes."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(one,), daemon=True).start()

        def answer(one: socket.socket) -> None:
            with one:
                try:
                    asked = one.recv(65536).split(b" ")[1].partition(b"?")[0]
                    one.sendall(answers[int(asked.strip(b"/").split(b"/")[0])])
                    one.shutdown(socket.SHUT_WR)
                    while one.recv(65536):
                        pass
                except OSError:  # the client went away
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How the fetch of each answer ends, all of them in one run."""
    with pytest.MonkeyPatch.context() as patch, answering([data for data, _ in ANSWERS.values()]) as port:
        patch.setattr(retry, "POLICY", replace(retry.POLICY, first_wait=0.005, jitter=0.005))
        urls = [f"http://127.0.0.1:{port}/{number}" for number in range(len(ANSWERS))]
        settings = Images(allow_private=LOOPBACK, timeout=10.0, max_bytes=MEDIUM, per_host=16)
        found = fates(tmp_path_factory.mktemp("servers"), urls, settings)
    return {
        name: end if isinstance(end, str) else "image" if end == PNG else f"{len(end)} other bytes"
        for name, end in zip(ANSWERS, (found[url] for url in urls), strict=True)
    }


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_ends_as_expected(ends: dict[str, str], name: str) -> None:
    assert ends[name] in ANSWERS[name][1]


def test_nothing_is_left_of_what_was_refused(tmp_path: Path) -> None:
    with answering([ANSWERS["closed in the body"][0]]) as port:
        fates(tmp_path, [f"http://127.0.0.1:{port}/0"], Images(allow_private=LOOPBACK, timeout=5.0))
    assert not any(PNG[:-50] in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
