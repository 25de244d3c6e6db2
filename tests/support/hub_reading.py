"""What the Hub's clients ask for: who they are, repositories, their files and refs."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.support.hub_exchange import CHUNK, Exchange, RefusedError
from tests.support.hub_store import Blob, Commit, Repository


class Reading(Exchange):
    """Answers that change nothing."""

    def _whoami(self) -> None:
        role = self._role()
        if not role:
            raise RefusedError(401, "", "Invalid credentials")
        token = {"displayName": "test", "role": role}
        self._reply(200, {"type": "user", "name": "ann", "orgs": [], "auth": {"accessToken": token}})

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
                while left and (piece := stream.read(min(CHUNK, left))):
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
