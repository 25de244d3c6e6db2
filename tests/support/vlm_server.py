"""A scripted OpenAI-compatible server: in a thread of a test, or as a process of its own.

As a process: ``python -m tests.support.vlm_server --port 0 --slots 64 --latency 0.2`` prints its port; ``GET /stats``
returns requests served and slot-seconds spent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

Payload = dict[str, Any]


@dataclass(frozen=True)
class Act:
    """What the server does with one request.

    :param kind: ``answer``, ``status``, ``hang``, ``drop`` (close at once), ``half`` (half a body),
        ``drip`` (the body byte by byte), ``garbage``,
        ``html``, ``choices`` (``count`` of them), ``refusal``, ``no_text``, ``cut`` (finish_reason length).
    """

    kind: str = "answer"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    count: int = 2
    text: str | None = None


def default_reply(payload: Payload) -> str:
    """JSON of the form that the prompt asks for."""
    text = prompt_text(payload)
    if '"pairs"' in text:
        pairs = [{"question": f"Who built tower {n} of Varn?", "answer": f"Ada Holt {n}"} for n in (1, 2)]
        return json.dumps({"pairs": pairs})
    if '"options"' in text:
        return json.dumps({"options": ["one wrong", "two wrong", "three wrong"]})
    return json.dumps({"answer": "38 metres"})


def prompt_text(payload: Payload) -> str:
    """The text of the message, ``[image]`` for each image."""
    content = payload["messages"][0]["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] if part["type"] == "text" else "[image]" for part in content)


def is_probe(payload: Payload) -> bool:
    """Whether the request only asks whether the server answers."""
    return "mill of Tollamere was built in 1911" in prompt_text(payload).rpartition("\nDocument:\n")[2]


@dataclass
class VlmServer:
    """A server on 127.0.0.1.

    :param script: Chooses the act from the ordinal of the request (from 0) and its payload.
    :param reply: Text of an answer.
    :param probes: Requests that only asked whether it answers; they are in no other count and meet no script.
    :param scripts_probes: Whether such requests are treated as all others.
    :param slots: Requests answered at a time.
    :param latency: Seconds a request holds its slot.
    """

    script: Callable[[int, Payload], Act] = field(default=lambda number, payload: Act())
    reply: Callable[[Payload], str] = default_reply
    slots: int = 64
    latency: float = 0.0
    port: int = 0
    keep: bool = True
    models: list[Payload] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    served: int = 0
    probes: list[Payload] = field(default_factory=list)
    scripts_probes: bool = False
    most_at_once: int = 0
    busy: float = 0.0
    first: float = 0.0
    last: float = 0.0
    _now: int = 0

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> VlmServer:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise TimeoutError("the test server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.serve(ready))

    async def serve(self, ready: threading.Event) -> None:
        """Serve until stopped."""
        self._stopped = asyncio.Event()
        self._free = asyncio.Semaphore(self.slots)
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopped.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return await self._dispatch(head[0], headers, body, writer)

    async def _dispatch(self, first: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; returns whether the connection stays open."""
        if first.startswith("GET /stats"):
            if "restart" in first:
                self.first = 0.0
            stats = {
                "served": self.served,
                "busy": self.busy,
                "span": self.last - self.first,
                "most": self.most_at_once,
            }
            await write_response(writer, 200, json.dumps(stats).encode())
            return True
        if first.startswith("GET ") and "/models" in first:
            await write_response(writer, 200 if self.models else 404, json.dumps({"data": self.models}).encode())
            return True
        payload = self.read(body)
        if is_probe(payload) and not self.scripts_probes:
            self.probes.append(payload)
            await write_response(writer, 200, json.dumps(self.completion(Act(text='{"pairs": []}'), payload)).encode())
            return True
        number, self.served = self.served, self.served + 1
        if self.keep:
            self.payloads.append(payload)
            self.headers.append(headers)
        async with self._free:
            started = time.perf_counter()
            self.first = self.first or started
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            try:
                await asyncio.sleep(self.latency)
                return await self._act(self.script(number, payload), payload, writer)
            finally:
                self._now -= 1
                self.last = time.perf_counter()
                self.busy += self.last - started

    def read(self, body: bytes) -> Payload:
        """The request in a body."""
        payload: Payload = json.loads(body)
        return payload

    async def _act(self, act: Act, payload: Payload, writer: asyncio.StreamWriter) -> bool:
        if act.kind == "hang":
            await self._stopped.wait()
            return False
        if act.kind == "drop":
            return False
        if act.kind == "status":
            error = {"error": {"message": act.text or "scripted"}}
            await write_response(writer, act.status, json.dumps(error).encode(), act.headers)
        elif act.kind == "html":
            page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
            await write_response(writer, act.status, page, (("Content-Type", "text/html"),))
        elif act.kind == "garbage":
            await write_response(writer, 200, b"\x00\xff{]nonsense")
        else:
            data = json.dumps(self.completion(act, payload)).encode()
            if act.kind == "half":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(data)).encode() + b"\r\n\r\n")
                writer.write(data[: len(data) // 2])
                await writer.drain()
                return False
            if act.kind == "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(data)).encode() + b"\r\n\r\n")
                for place in range(len(data)):
                    writer.write(data[place : place + 1])
                    await writer.drain()
                    await asyncio.sleep(0.05)
                return True
            await write_response(writer, 200, data)
        return True

    def completion(self, act: Act, payload: Payload) -> Payload:
        """The body of an answer."""
        text = act.text if act.text is not None else self.reply(payload)
        message: Payload = {"role": "assistant", "content": text}
        if act.kind == "refusal":
            message = {"role": "assistant", "content": None, "refusal": "no"}
        elif act.kind == "no_text":
            message = {"role": "assistant", "content": None}
        choice = {"index": 0, "message": message, "finish_reason": "length" if act.kind == "cut" else "stop"}
        count = act.count if act.kind == "choices" else 1
        return {"choices": [choice] * count, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


async def write_response(
    writer: asyncio.StreamWriter, status: int, data: bytes, headers: tuple[tuple[str, str], ...] = ()
) -> None:
    """Write a response with a body."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", *(f"{name}: {value}" for name, value in headers)]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    await writer.drain()


class UnreadServer(VlmServer):
    """Answers every request alike without reading it, so that a benchmark measures the client."""

    def read(self, body: bytes) -> Payload:
        """A request for pairs, whatever the body says."""
        return {"messages": [{"role": "user", "content": '"pairs"'}]}


def main() -> None:
    """Serve as a process until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.0)
    arguments = parser.parse_args()
    server = UnreadServer(slots=arguments.slots, latency=arguments.latency, port=arguments.port, keep=False)
    with server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
