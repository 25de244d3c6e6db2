"""What a Hub-compatible test server holds: repositories, their commits, branches, tags and large files."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REGULAR_SUFFIXES = (".md", ".json", ".txt", ".gitattributes")
REGULAR_BYTES = 10_000_000


@dataclass(frozen=True)
class Blob:
    """A file of a commit: its git id, size, the SHA-256 of a large file, the content of a small one."""

    oid: str
    size: int
    sha256: str | None = None
    content: bytes = b""

    @property
    def etag(self) -> str:
        """What the Hub gives as ETag."""
        return self.sha256 or self.oid


@dataclass
class Commit:
    """One commit with all its files."""

    oid: str
    parent: str | None
    title: str
    files: dict[str, Blob]


@dataclass
class Repository:
    """A dataset repository."""

    name: str
    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def resolve(self, revision: str) -> Commit | None:
        """The commit that a branch, tag, pull request or hash names."""
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if name in self.refs:
                return self.commits[self.refs[name]]
        return self.commits.get(revision)

    def squash(self, ref: str) -> None:
        """Leave one commit of a branch, with the files that it has."""
        last = self.commits[self.refs[ref]]
        oid = hashlib.sha1(f"{last.oid} squashed".encode(), usedforsecurity=False).hexdigest()
        self.commits[oid] = Commit(oid, None, "squashed", last.files)
        self.refs[ref] = oid
        self.forget_unreachable()

    def forget_unreachable(self) -> None:
        """Forget the commits that no branch, tag or pull request leads to."""
        reached: set[str] = set()
        for oid in self.refs.values():
            commit = self.commits.get(oid)
            while commit is not None and commit.oid not in reached:
                reached.add(commit.oid)
                commit = self.commits.get(commit.parent) if commit.parent else None
        self.commits = {oid: commit for oid, commit in self.commits.items() if oid in reached}

    @property
    def history(self) -> list[Commit]:
        """Commits of ``main``, newest first, the empty first one left out."""
        found = []
        commit: Commit | None = self.commits[self.refs["refs/heads/main"]]
        while commit is not None and commit.parent is not None:
            found.append(commit)
            commit = self.commits.get(commit.parent)
        return found

    def files(self, revision: str = "main") -> dict[str, Blob]:
        """Files at a revision."""
        commit = self.resolve(revision)
        assert commit is not None
        return commit.files


class Store:
    """All repositories of a server, safe to be used by its threads.

    :param folder: Where large files are kept; None forgets their bytes once hashed.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, int] = {}

    def create(self, name: str, private: bool = False) -> Repository:
        """A repository with an empty first commit."""
        repository = Repository(name, private)
        self.repositories[name] = repository
        self.add_commit(repository, "refs/heads/main", "initial commit", {})
        return repository

    def add_commit(self, repository: Repository, ref: str, title: str, files: dict[str, Blob]) -> Commit:
        """Put a commit on top of ``ref``."""
        parent = repository.refs.get(ref)
        seed = json.dumps([repository.name, ref, parent, title, sorted((p, b.etag) for p, b in files.items())])
        commit = Commit(hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest(), parent, title, files)
        repository.commits[commit.oid] = commit
        repository.refs[ref] = commit.oid
        return commit

    def apply(self, repository: Repository, ref: str, base: Commit, lines: list[dict[str, Any]]) -> Commit:
        """What a commit request of newline-separated JSON says, done on top of ``base``.

        :raises KeyError: If a large file was never uploaded.
        """
        files = dict(base.files)
        title = ""
        for line in lines:
            key, value = line["key"], line["value"]
            if key == "header":
                title = value["summary"]
            elif key == "file":
                files[value["path"]] = small_blob(base64.b64decode(value["content"]))
            elif key == "lfsFile":
                size = self.large[value["oid"]]
                pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{value['oid']}\nsize {size}\n"
                files[value["path"]] = Blob(git_id(pointer.encode()), size, value["oid"])
            elif key == "deletedFile":
                del files[value["path"]]
            elif key == "deletedFolder":
                files = {path: blob for path, blob in files.items() if not path.startswith(value["path"])}
        repository.refs.setdefault(ref, base.oid)
        return self.add_commit(repository, ref, title, files)

    def content(self, blob: Blob) -> Path | bytes:
        """Bytes of a small file, path of a large one."""
        if blob.sha256 is None:
            return blob.content
        assert self.folder is not None, "large files were not kept"
        return self.folder / blob.sha256


def upload_mode(path: str, size: int) -> str:
    """How the Hub wants a file: large ones and data apart, small text in the commit."""
    return "regular" if path.endswith(REGULAR_SUFFIXES) and size < REGULAR_BYTES else "lfs"


def small_blob(content: bytes) -> Blob:
    """A file that lies in git itself."""
    return Blob(git_id(content), len(content), None, content)


def git_id(content: bytes) -> str:
    """The id under which git keeps ``content``."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
