"""Requests of the Hub's clients, answered from a store: which path is answered by what."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.support.hub_exchange import RefusedError
from tests.support.hub_reading import Reading
from tests.support.hub_store import Repository
from tests.support.hub_writing import Writing

_REPOSITORY = r"(?P<name>[^/]+/[^/]+)"
_GIVEN = re.compile(rf"/api/(?:datasets|models)/{_REPOSITORY}(?:/(?P<verb>[a-z-]+)(?:/(?P<rest>.*))?)?\Z")
_RESOLVE = re.compile(rf"(?:/datasets)?/{_REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)\Z")
_BATCH = re.compile(rf"(?:/datasets)?/{_REPOSITORY}\.git/info/lfs/objects/batch\Z")


class Handler(Reading, Writing):
    """One connection."""

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
            elif verb in ("branch", "tag", "preupload", "commit", "super-squash"):
                self._write(repository, verb, unquote(rest))
            else:
                raise RefusedError(404, "EntryNotFound", self.url)
