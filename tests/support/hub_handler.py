"""Requests of the Hub's clients, answered from a store."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.hub_store import Blob, Commit, Repository, upload_mode

if TYPE_CHECKING:
    from tests.support.hub_server import Fault, HubServer, Seen

_CHUNK = 1 << 20
_REPOSITORY = r"(?P<name>[^/]+/[^/]+)"
_GIVEN = re.compile(rf"/api/datasets/{_REPOSITORY}(?:/(?P<verb>[a-z-]+)(?:/(?P<rest>.*))?)?\Z")
_RESOLVE = re.compile(rf"/datasets/{_REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)\Z")
_BATCH = re.compile(rf"/datasets/{_REPOSITORY}\.git/info/lfs/objects/batch\Z")


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str = "", message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message or code)
        self.status = status
        named = {"X-Error-Code": code, "X-Error-Message": message}
        self.headers = {**{key: value for key, value in named.items() if value}, **(headers or {})}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

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

    # Bodies

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
            piece = self.rfile.read(min(_CHUNK, left))
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

    # Access

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

    # Routes

    def _answer(self) -> None:
        if self.url == "/api/whoami-v2":
            self._whoami()
        elif self.url == "/api/validate-yaml":
            self._validate(self._json())
        elif self.url.startswith("/api/repos/"):
            self._manage(self._json())
        elif self.url.startswith("/lfs/") and self.command == "PUT":
            self._take_large(self.url.removeprefix("/lfs/"))
        elif found := _BATCH.match(self.url):
            self._batch(found["name"])
        elif found := _RESOLVE.match(self.url):
            self._resolve(found["name"], found["revision"], unquote(found["path"]))
        elif found := _GIVEN.match(self.url):
            self._of_repository(self._repository(found["name"]), found["verb"] or "", found["rest"] or "")
        else:
            raise RefusedError(404, "EntryNotFound", self.url)

    def _whoami(self) -> None:
        role = self._role()
        if not role:
            raise RefusedError(401, "", "Invalid credentials")
        token = {"displayName": "test", "role": role}
        self._reply(200, {"type": "user", "name": "ann", "orgs": [], "auth": {"accessToken": token}})

    def _validate(self, asked: Any) -> None:
        import yaml

        found = re.match(r"---\r?\n(.*?)\r?\n---", asked["content"], re.DOTALL)
        errors = []
        try:
            value = yaml.safe_load(found[1]) if found else {}
            if not isinstance(value, dict):
                errors.append({"message": "metadata must be an object"})
        except yaml.YAMLError as error:
            errors.append({"message": str(error)})
        self._reply(400 if errors else 200, {"warnings": [], "errors": errors})

    def _manage(self, asked: Any) -> None:
        self._may_write()
        store = self.server.store
        name = f"{asked.get('organization') or 'ann'}/{asked['name']}"
        with store.lock:
            if self.url.endswith("/delete"):
                if store.repositories.pop(name, None) is None:
                    raise RefusedError(404, "RepoNotFound", "Repository not found")
            elif name in store.repositories:
                url = f"{self.server.url}/datasets/{name}"
                self._reply(409, {"error": "You already created this dataset repo", "url": url})
                return
            else:
                private = bool(asked.get("private")) or asked.get("visibility") == "private"
                store.create(name, private)
        self._reply(200, {"url": f"{self.server.url}/datasets/{name}", "name": name, "id": name})

    def _of_repository(self, repository: Repository, verb: str, rest: str) -> None:
        with self.server.store.lock:
            if verb in ("", "revision") and self.command == "GET":
                self._info(repository, self._commit(repository, rest or "main"))
            elif verb == "auth-check":
                self._may_read(repository)
                self._reply(200, {})
            elif verb == "tree":
                self._may_read(repository)
                revision, _, path = rest.partition("/")
                self._tree(self._commit(repository, revision), unquote(path))
            elif verb == "paths-info":
                self._paths(repository, rest)
            elif verb == "refs":
                self._refs(repository)
            elif verb == "discussions":
                self._discussions(repository)
            elif verb in ("branch", "tag", "preupload", "commit"):
                self._write(repository, verb, unquote(rest))
            else:
                raise RefusedError(404, "EntryNotFound", self.url)

    def _info(self, repository: Repository, commit: Commit) -> None:
        author = repository.name.partition("/")[0]
        self._reply(
            200,
            {
                "_id": hashlib.sha256(repository.name.encode()).hexdigest()[:24],
                "id": repository.name,
                "author": author,
                "sha": commit.oid,
                "lastModified": "2025-01-01T00:00:00.000Z",
                "private": repository.private,
                "gated": "auto" if repository.gated else False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": [{"rfilename": path} for path in sorted(commit.files)],
            },
        )

    def _tree(self, commit: Commit, path: str) -> None:
        recursive = self.query.get("recursive", ["False"])[0].lower() == "true"
        prefix = f"{path}/" if path else ""
        entries = []
        folders = set()
        for name, blob in sorted(commit.files.items()):
            if not name.startswith(prefix):
                continue
            inside = name[len(prefix) :].split("/")
            folders.update(prefix + "/".join(inside[:n]) for n in range(1, len(inside) if recursive else 2))
            if recursive or len(inside) == 1:
                entries.append(_entry(name, blob))
        if prefix and not entries and not folders:
            raise RefusedError(404, "EntryNotFound", f"{path} does not exist")
        listed = {entry["path"] for entry in entries}
        entries += [_folder(folder) for folder in sorted(folders) if folder not in listed]
        self._reply(200, entries)

    def _paths(self, repository: Repository, revision: str) -> None:
        body = self._body()
        asked = json.loads(body) if body[:1] == b"{" else parse_qs(body.decode())
        self._may_read(repository)
        files = self._commit(repository, revision).files
        found = []
        for path in asked.get("paths", []):
            if path in files:
                found.append(_entry(path, files[path]))
            elif any(name.startswith(f"{path}/") for name in files):
                found.append(_folder(path))
        self._reply(200, found)

    def _refs(self, repository: Repository) -> None:
        kinds = {"refs/heads/": "branches", "refs/tags/": "tags", "refs/pr/": "pullRequests"}
        listed: dict[str, list[dict[str, str]]] = {kind: [] for kind in (*kinds.values(), "converts")}
        for ref, oid in repository.refs.items():
            for prefix, kind in kinds.items():
                if ref.startswith(prefix):
                    listed[kind].append({"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid})
        self._reply(200, listed)

    def _discussions(self, repository: Repository) -> None:
        found = [
            {
                "title": repository.commits[oid].title,
                "num": int(ref.rpartition("/")[2]),
                "author": {"name": "ann"},
                "createdAt": "2025-01-01T00:00:00.000Z",
                "status": "draft",
                "repo": {"name": repository.name, "type": "dataset"},
                "isPullRequest": True,
            }
            for ref, oid in repository.refs.items()
            if ref.startswith("refs/pr/")
        ]
        self._reply(200, {"discussions": found, "count": len(found), "start": 0})

    def _write(self, repository: Repository, verb: str, revision: str) -> None:
        body = self._body()
        self._may_write()
        if verb == "commit":
            self._take_commit(repository, revision, [json.loads(line) for line in body.splitlines()])
            return
        asked = json.loads(body or b"{}")
        if verb == "preupload":
            self._commit(repository, revision)
            files = repository.files(revision)
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": upload_mode(file["path"], file["size"]),
                    "shouldIgnore": False,
                    "oid": files[file["path"]].etag if file["path"] in files else None,
                }
                for file in asked["files"]
            ]
            self._reply(200, {"files": modes})
            return
        name = f"refs/heads/{revision}" if verb == "branch" else f"refs/tags/{asked['tag']}"
        start = asked.get("startingPoint", "main") if verb == "branch" else revision
        if name in repository.refs:
            raise RefusedError(409, "", f"Reference already exists: {name}")
        repository.refs[name] = self._commit(repository, start).oid
        self._reply(200, {})

    def _take_commit(self, repository: Repository, revision: str, lines: list[dict[str, Any]]) -> None:
        base = self._commit(repository, revision)
        parent = lines[0]["value"].get("parentCommit")
        creates = "create_pr" in self.query
        if parent is not None and not creates and parent != base.oid:
            raise RefusedError(412, "", "A commit has happened since. Please refresh and try again.")
        ref = revision if revision.startswith("refs/") else f"refs/heads/{revision}"
        if creates:
            ref = f"refs/pr/{1 + sum(name.startswith('refs/pr/') for name in repository.refs)}"
        try:
            commit = self.server.store.apply(repository, ref, base, lines)
        except KeyError as error:
            raise RefusedError(400, "", f"LFS object {error} was never uploaded") from error
        url = f"{self.server.url}/datasets/{repository.name}"
        answer = {"success": True, "commitOid": commit.oid, "commitUrl": f"{url}/commit/{commit.oid}"}
        if creates:
            answer["pullRequestUrl"] = f"{url}/discussions/{ref.rpartition('/')[2]}"
        self._reply(200, answer)

    def _batch(self, name: str) -> None:
        asked = self._json()
        self._may_write()
        self._repository(name)
        objects = []
        for one in asked["objects"]:
            answer: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.server.store.large:
                answer["actions"] = {"upload": {"href": f"{self.server.url}/lfs/{one['oid']}"}}
            objects.append(answer)
        self._reply(200, {"transfer": "basic", "objects": objects})

    def _take_large(self, oid: str) -> None:
        digest = hashlib.sha256()
        store = self.server.store
        part = None if store.folder is None else store.folder / f".{oid}-{id(self)}"
        with contextlib.nullcontext() if part is None else part.open("wb") as stream:
            for piece in self._pieces():
                digest.update(piece)
                self.seen.body += len(piece)
                if stream is not None:
                    stream.write(piece)
        if digest.hexdigest() != oid:
            raise RefusedError(400, "", "the content is not what its name says")
        with store.lock:
            if part is not None:
                part.rename(part.with_name(oid))
            store.large[oid] = self.seen.body
        self._reply(200)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repository = self._repository(name)
        self._may_read(repository)
        commit = self._commit(repository, revision)
        blob = commit.files.get(path)
        if blob is None:
            raise RefusedError(404, "EntryNotFound", f"{path} does not exist", {"X-Repo-Commit": commit.oid})
        self._send_file(commit, blob)

    def _send_file(self, commit: Commit, blob: Blob) -> None:
        first, last = 0, blob.size - 1
        asked = re.match(r"bytes=(\d*)-(\d*)\Z", self.headers.get("Range") or "")
        if asked:
            first = int(asked[1]) if asked[1] else max(0, blob.size - int(asked[2]))
            last = min(last, int(asked[2])) if asked[1] and asked[2] else last
        if asked and first > last:
            raise RefusedError(416, "", "range not satisfiable", {"Content-Range": f"bytes */{blob.size}"})
        self.seen.status = 206 if asked else 200
        self.send_response(self.seen.status)
        self.send_header("ETag", f'"{blob.etag}"')
        self.send_header("X-Repo-Commit", commit.oid)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(max(0, last - first + 1)))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{blob.size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        content = self.server.store.content(blob)
        if isinstance(content, Path):
            with content.open("rb") as stream:
                stream.seek(first)
                left = last - first + 1
                while left and (piece := stream.read(min(_CHUNK, left))):
                    self.wfile.write(piece)
                    left -= len(piece)
        else:
            self.wfile.write(content[first : last + 1])


def _entry(path: str, blob: Blob) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": blob.oid, "size": blob.size, "path": path}
    if blob.sha256 is not None:
        entry["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": 130}
    return entry


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}
