"""A web server that behaves as the web does: the first part of a path says how it answers."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from nyxqa.schemas.chance import keyed_hash
from tests.support.ingest import encoded, picture

PICTURES = 40  # different images
MEGABYTE = bytes(1_000_000)

# How often a behaviour is drawn, and the ledger reason that its URLs end with; none if the image is stored.
BEHAVIOURS: dict[str, tuple[int, str | None]] = {
    "ok": (8, None),
    "gzipped": (1, None),
    "wrong_type": (1, None),
    "limited": (1, None),  # 429 with Retry-After, then 200
    "shaky": (1, None),  # 500, then 200
    "chain": (1, None),
    "missing": (1, "http_404"),
    "gone": (1, "http_410"),
    "forbidden": (1, "http_403"),
    "teapot": (1, "http_4xx"),
    "down": (1, "http_5xx"),
    "empty": (1, "http_other"),
    "drip": (1, "timeout"),
    "hang": (1, "timeout"),
    "html": (1, "unsupported_format"),
    "circle": (1, "too_many_redirects"),
    "endless": (1, "too_many_redirects"),
    "huge": (1, "too_many_bytes"),
    "announced": (1, "too_many_bytes"),
    "bomb": (1, "too_many_bytes"),
    "badzip": (1, "bad_encoding"),
    "cut": (1, "truncated_body"),
    "cut_chunk": (1, "truncated_body"),
    "closed": (1, "no_response"),
    "garbage": (1, "no_response"),
    "to_private": (1, "private_address"),
    "to_file": (1, "bad_reference"),
    "to_gopher": (1, "bad_reference"),
    "x_gzip": (1, None),  # the older name of the encoding
    "hidden_gzip": (1, None),  # compressed, and no header says so
    "proxied": (1, None),  # status 203
    "noai": (1, "noai"),
    "noimageai": (1, "noai"),
    "noai_moved": (1, "noai"),  # said by the redirect
    "noai_elsewhere": (1, None),  # said to another crawler
}


def drawn(number: int, among: Iterable[str] = BEHAVIOURS) -> str:
    """Behaviour of URL ``number``, by keyed hash."""
    lots = [name for name in among for _ in range(BEHAVIOURS[name][0])]
    return lots[keyed_hash(7, "web", str(number)) % len(lots)]


class WebServer:
    """A server in a thread of its own, used as a context.

    :param host: Address to listen on.
    :param private: URL that ``/to_private/`` redirects to.
    :param delay: Seconds before every answer.
    :param folder: Folder of the files below ``/file/``; those in ``withheld`` are not found.
    :param tls: Who the server proves to be, for https.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        private: str = "",
        delay: float = 0.0,
        folder: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.private, self.delay, self.folder, self.tls = host, private, delay, folder, tls
        self.withheld: set[str] = set()
        self.requests: Counter[str] = Counter()  # by path
        self.agents: set[str] = set()
        self.headers: set[str] = set()
        self.connections = 0
        self.hellos: list[bytes] = []  # of TLS
        self.most_in_flight = self.in_flight = 0
        self.by_host: Counter[str] = Counter()
        self.most_by_host: Counter[str] = Counter()
        self._pictures = [encoded(picture(seed)) for seed in range(PICTURES)]
        self._bomb = gzip.compress(MEGABYTE * 60)

    def __enter__(self) -> WebServer:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def url(self, behaviour: str, number: int | str = 0, host: str = "") -> str:
        """A URL of this server."""
        return f"http{'s' if self.tls else ''}://{host or self.host}:{self.port}/{behaviour}/{number}.png"

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, self.host, 0, backlog=512, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while start := await reader.read(1):
                if start == b"\x16":  # a client that wants to speak TLS
                    self.hellos.append(await reader.read(10_000))
                    writer.write(b"HTTP/1.1 400 No\r\n\r\n")
                    return
                head = start + await reader.readuntil(b"\r\n\r\n")
                if not await self._answer(head.decode("latin-1"), reader, writer):
                    return
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection stays."""
        first, *lines = head.split("\r\n")
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines if line)}
        path, host = first.split(" ")[1], headers["host"].partition(":")[0]
        self.requests[path] += 1
        self.agents.add(headers["user-agent"])
        self.headers |= set(headers)
        self.in_flight += 1
        self.by_host[host] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.most_by_host[host] = max(self.most_by_host[host], self.by_host[host])
        try:
            await asyncio.sleep(self.delay)
            return await self._behave(path, reader, writer)
        finally:
            self.in_flight -= 1
            self.by_host[host] -= 1

    async def _behave(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        _, behaviour, name = path.split("/")
        if behaviour == "file" and self.folder is not None:
            file = self.folder / name
            there = name not in self.withheld and file.is_file()
            return _whole(writer, file.read_bytes() if there else b"", "200 OK" if there else "404 Not Found")
        number, again = int(name.partition(".")[0]), self.requests[path] > 1
        image = self._pictures[number % PICTURES]
        picture_type = ("Content-Type: image/png",)
        match behaviour:
            case "wrong_type":
                return _whole(writer, image, "200 OK", "Content-Type: text/html", "Set-Cookie: a=b")
            case "gzipped":
                return _whole(writer, gzip.compress(image), "200 OK", *picture_type, "Content-Encoding: gzip")
            case "x_gzip":
                return _whole(writer, gzip.compress(image), "200 OK", *picture_type, "content-encoding: X-GZip")
            case "hidden_gzip":
                return _whole(writer, gzip.compress(image), "200 OK", *picture_type)
            case "proxied":
                return _whole(writer, image, "203 Non-Authoritative Information", *picture_type)
            case "noai" | "noimageai":
                tags = ("X-Robots-Tag: noindex", f"x-robots-tag: otherbot: all, nyxqa: {behaviour}")
                return _whole(
                    writer, image, "200 OK", *(tags if number % 4 else (f"X-Robots-Tag: {behaviour.upper()}",))
                )
            case "noai_moved":
                return _whole(writer, b"", "302 Found", f"Location: /ok/{number}.png", "X-Robots-Tag: noindex, noai")
            case "noai_elsewhere":
                return _whole(writer, image, "200 OK", "X-Robots-Tag: otherbot: noindex, noai")
            case "limited" if not again:
                return _whole(writer, b"", "429 Too Many Requests", "Retry-After: 1")
            case "later":
                return _whole(writer, b"", "429 Too Many Requests", "Retry-After: 3600")
            case "shaky" if not again:
                return _whole(writer, b"", "500 Oh")
            case "missing" | "gone" | "forbidden" | "teapot" | "down" | "empty" as kind:
                status = {"missing": 404, "gone": 410, "forbidden": 403, "teapot": 418, "down": 503, "empty": 204}[kind]
                return _whole(writer, b"" if status == 204 else b"no", f"{status} No")
            case "html":
                return _whole(writer, b"<!doctype html><p>Not found", "200 OK", *picture_type)
            case "chain" if number >= 1_000_000:
                return _whole(writer, image)
            case "chain":
                step, start = divmod(number, 100_000)
                target = start + 100_000 * (step + 1) if step < 4 else start + 1_000_000
                return _whole(writer, b"", "302 Found", f"Location: ../chain/{target}.png#x")
            case "circle":
                return _whole(
                    writer, b"", "301 Moved", f"Location: /circle/{number + (1 if number % 2 == 0 else -1)}.png"
                )
            case "endless":
                return _whole(writer, b"", "307 Moved", f"Location: /endless/{number + 1_000_000}.png")
            case "to_private":
                return _whole(writer, b"", "302 Found", f"Location: {self.private}/ok/{number}.png")
            case "to_file":
                return _whole(writer, b"", "302 Found", "Location: file:///etc/hostname")
            case "to_gopher":
                return _whole(writer, b"", "302 Found", "Location: gopher://127.0.0.2:70/x")
            case "announced":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
                return await _flood(writer, 200)
            case "huge":
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                return await _flood(writer, 100_000)
            case "bomb":
                return _whole(writer, self._bomb, "200 OK", *picture_type, "Content-Encoding: gzip")
            case "badzip":
                return _whole(writer, b"\x1f\x8b\x08\0no gzip at all", "200 OK", "Content-Encoding: gzip")
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(image) + image[:-100])
                return False
            case "cut_chunk":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(image) + image[:-100])
                return False
            case "closed":
                return False
            case "garbage":
                writer.write(b"\x16\x03 this is no HTTP\r\n\r\n")
                return False
            case "hang":
                await reader.read(1)  # ends when the client goes
                return False
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(image))
                for place in range(len(image)):
                    writer.write(image[place : place + 1])
                    if not await _silent(reader, 0.2):
                        return False
        return _whole(writer, image, "200 OK", *picture_type)


def _whole(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", *headers: str) -> bool:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not status.startswith("204"):
        lines.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    return True


async def _silent(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait; whether the client is still there."""
    try:
        await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return True
    return False


async def _flood(writer: asyncio.StreamWriter, megabytes: int) -> bool:
    for _ in range(megabytes):
        writer.write(MEGABYTE)
        await writer.drain()
    return False
