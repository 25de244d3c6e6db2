"""What the Hub's clients send: repositories, refs, large files, commits."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from typing import Any

from tests.support.hub_exchange import Exchange, RefusedError
from tests.support.hub_store import Repository, upload_mode


class Writing(Exchange):
    """Answers that change the store, and the check of a card before it is sent."""

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

    def _write(self, repository: Repository, verb: str, revision: str) -> None:
        body = self._body()
        self._may_write()
        if verb == "commit":
            self._take_commit(repository, revision, [json.loads(line) for line in body.splitlines()])
            return
        asked = json.loads(body or b"{}")
        if verb == "super-squash":
            repository.squash(f"refs/heads/{revision}")
            self._reply(200, {})
            return
        if self.command == "DELETE":
            del repository.refs[f"refs/{'tags' if verb == 'tag' else 'heads'}/{revision}"]
            repository.forget_unreachable()
            self._reply(200, {})
            return
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
