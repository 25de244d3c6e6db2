"""A scripted server that also plays ``/v1/files`` and ``/v1/batches`` in OpenAI's form."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.vlm_server import Act, Payload, VlmServer, write_response

_FIELD = re.compile(rb'name="(\w+)"(?:; filename="([^"]*)")?[^\r]*\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', re.DOTALL)
PAGE = 3  # entries of a list at a time


@dataclass
class BatchServer(VlmServer):
    """A server whose batches end as a test says.

    :param ends: State of a batch when it is looked at, from its ordinal; requests of ``expired`` and ``cancelled``
        batches are answered up to the middle.
    :param line: Chooses the act from the ordinal of a request in a batch and its body.
    :param on_call: Called with ``METHOD PATH`` of each call when it has taken effect, before it is answered; False
        closes the connection in place of an answer.
    :param has_api: Whether it knows files and batches.
    """

    ends: Callable[[int], str] = field(default=lambda number: "completed")
    line: Callable[[int, Payload], Act] = field(default=lambda number, body: Act())
    on_call: Callable[[str], bool] = field(default=lambda call: True)
    has_api: bool = True
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    batches: list[dict[str, Any]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    calls: list[str] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)

    def lines(self, number: int) -> list[dict[str, Any]]:
        """The requests of a batch."""
        _, data = self.files[self.batches[number]["input_file_id"]]
        return [json.loads(line) for line in data.splitlines()]

    async def _dispatch(self, first: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> bool:
        method, target = first.split(" ")[:2]
        path, _, query = target.removeprefix("/v1").partition("?")
        if not path.startswith(("/files", "/batches")):
            return await super()._dispatch(first, headers, body, writer)
        self.calls.append(f"{method} {path}")
        if not self.has_api:
            await write_response(writer, 404, b'{"detail": "Not Found"}')
            return True
        status, answer = self._api(method, path, dict(re.findall(r"(\w+)=([^&]*)", query)), body)
        if not self.on_call(f"{method} {path}"):
            return False
        await write_response(writer, status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        return True

    def _api(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if method == "POST" and path == "/files":
            found = {name.decode(): (file.decode(), data) for name, file, data in _FIELD.findall(body)}
            self.purposes.append(found["purpose"][1].decode())
            name = f"file-{len(self.files)}"
            self.files[name] = found["file"]
            return 200, {"id": name, "object": "file"}
        if method == "POST":
            return 200, self._created(json.loads(body))
        if path in ("/files", "/batches"):
            listed = [{"id": name, "filename": file} for name, (file, _) in self.files.items()]
            listed = self.batches[::-1] if path == "/batches" else listed
            start = next((n for n, one in enumerate(listed, 1) if one["id"] == query.get("after")), 0)
            page = listed[start : start + PAGE]
            return 200, {
                "data": page,
                "has_more": start + PAGE < len(listed),
                "last_id": page[-1]["id"] if page else "",
            }
        name = path.split("/")[2]
        if path.endswith("/content"):
            return 200, self.files[name][1]
        return 200, self._looked_at(next(n for n, batch in enumerate(self.batches) if batch["id"] == name))

    def _created(self, asked: dict[str, Any]) -> dict[str, Any]:
        batch = {"id": f"batch_{len(self.batches)}", "object": "batch", "status": "validating", **asked}
        self.batches.append(batch)
        lines = self.lines(len(self.batches) - 1)
        self.asked.update(json.dumps(line["body"], sort_keys=True) for line in lines)
        batch["request_counts"] = {"total": len(lines), "completed": 0, "failed": 0}
        return batch

    def _looked_at(self, number: int) -> dict[str, Any]:
        batch = self.batches[number]
        state = self.ends(number)
        if batch["status"] in ("completed", "expired", "cancelled", "failed"):
            return batch
        batch["status"] = state
        if state == "failed":
            error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": None}
            batch["errors"] = {"object": "list", "data": [error]}
        elif state in ("completed", "expired", "cancelled"):
            self._end(number, batch, state)
        return batch

    def _end(self, number: int, batch: dict[str, Any], state: str) -> None:
        lines = self.lines(number)
        served = len(lines) if state == "completed" else len(lines) // 2
        good, bad = [], []
        for place, line in enumerate(lines[::-1]):  # results come in any order
            name = {"id": f"r{place}", "custom_id": line["custom_id"]}
            act = self.line(place, line["body"])
            if place >= served:
                bad.append({**name, "response": None, "error": {"code": f"batch_{state}", "message": "not executed"}})
            elif act.kind == "status":
                error = {"error": {"message": act.text or "scripted"}}
                bad.append({**name, "response": {"status_code": act.status, "body": error}, "error": None})
            else:
                body = self.completion(act, line["body"])
                good.append({**name, "response": {"status_code": 200, "body": body}, "error": None})
        for key, results in (("output_file_id", good), ("error_file_id", bad)):
            if results:
                batch[key] = f"file-{len(self.files)}"
                data = "".join(json.dumps(one) + "\n" for one in results).encode()
                self.files[batch[key]] = ("results.jsonl", data)
