"""One request and its answer: bodies, tokens, rights and faults, whatever is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.hub_store import Commit, Repository

if TYPE_CHECKING:
    from tests.support.hub_server import Fault, HubServer, Seen

CHUNK = 1 << 20


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str = "", message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message or code)
        self.status = status
        named = {"X-Error-Code": code, "X-Error-Message": message}
        self.headers = {**{key: value for key, value in named.items() if value}, **(headers or {})}


class Exchange(BaseHTTPRequestHandler):
    """One connection; a subclass says what is answered."""

    protocol_version = "HTTP/1.1"
    server: HubServer
    seen: Seen
    fault: Fault | None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names are the base class's

    def _serve(self) -> None:
        from tests.support.hub_server import Seen, cut

        parts = urlsplit(self.path)
        self.url = parts.path
        self.query = parse_qs(parts.query)
        self.token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.seen = Seen(self.command, unquote(self.path), token=self.token)
        self.server.seen.append(self.seen)
        self.fault = self.server.fault(self.command, unquote(self.path))
        self._unread = True
        action = self.fault.action if self.fault else ""
        if self.fault and self.fault.then:
            self.fault.then()
        if action == "reset":
            self.rfile.read1(4096)
        if action in ("drop", "reset"):
            self.close_connection = True
            cut(self.connection)
            return
        try:
            if self.fault and action == "status":
                raise RefusedError(self.fault.status, "", "made to fail", self.fault.headers)
            self._answer()
        except RefusedError as refused:
            self._reply(refused.status, {"error": str(refused)}, refused.headers)

    def _reply(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        from tests.support.hub_server import cut

        self._drain()
        self.seen.status = status
        if self.fault and self.fault.action == "lose":
            self.close_connection = True
            cut(self.connection)
            return
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for key, text in (headers or {}).items():
            self.send_header(key, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pieces(self) -> Iterator[bytes]:
        self._unread = False
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read(min(CHUNK, left))
            if not piece:
                raise ConnectionError("the body ends early")
            left -= len(piece)
            yield piece

    def _body(self) -> bytes:
        data = b"".join(self._pieces())
        self.seen.body = len(data)
        return data

    def _drain(self) -> None:
        if self._unread and self.command in ("POST", "PUT", "DELETE"):
            for _ in self._pieces():
                pass

    def _json(self) -> Any:
        return json.loads(self._body())

    def _role(self) -> str:
        if self.token and self.token not in self.server.tokens:
            raise RefusedError(401, "", "Invalid credentials in Authorization header")
        return self.server.tokens.get(self.token, "")

    def _may_write(self) -> None:
        role = self._role()
        if not role:
            raise RefusedError(401, "", "Invalid username or password.")
        if role != "write":
            raise RefusedError(403, "", "You don't have the rights to do that: the token has no write permission.")

    def _repository(self, name: str) -> Repository:
        role = self._role()
        repository = self.server.store.repositories.get(unquote(name))
        if repository is None or (repository.private and not role):
            raise RefusedError(404 if role else 401, "RepoNotFound", "Repository not found")
        return repository

    def _may_read(self, repository: Repository) -> None:
        if repository.gated and self.token not in self.server.may_read_gated:
            raise RefusedError(403, "GatedRepo", f"Access to dataset {repository.name} is restricted")

    def _commit(self, repository: Repository, revision: str) -> Commit:
        commit = repository.resolve(unquote(revision))
        if commit is None:
            raise RefusedError(404, "RevisionNotFound", f"Invalid rev id: {unquote(revision)}")
        return commit

    def _answer(self) -> None:
        raise NotImplementedError
