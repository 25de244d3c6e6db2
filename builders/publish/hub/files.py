"""What is to lie in the repository, file by file, and what of it is there already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.check.report_file import REPORT
from nyxqa.builders.publish.card import CARD
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import MANIFEST, Manifest
from nyxqa.schemas.writing import file_hash

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile


@dataclass(frozen=True)
class Local:
    """A file to be published.

    :param path: Its path in the repository.
    :param content: The file, or the bytes of a small one.
    :param sha256: Hash of its bytes, 64 digits.
    """

    path: str
    content: Path | bytes
    sha256: str

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @cached_property
    def git_id(self) -> str:
        """The id under which git keeps it, where it lies in git itself."""
        data = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    def is_there(self, remote: RepoFile | None) -> bool:
        """Whether ``remote`` holds the same bytes."""
        if remote is None or remote.size != self.size:
            return False
        return remote.lfs.sha256 == self.sha256 if remote.lfs is not None else remote.blob_id == self.git_id


@dataclass(frozen=True)
class Difference:
    """What separates the repository from what is to lie there."""

    missing: tuple[Local, ...]
    obsolete: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether there is none."""
        return not self.missing and not self.obsolete


def local_files(folder: Path, manifest: Manifest) -> list[Local]:
    """All files but the card, ``report.json`` if there is one, each hashed now and held against the manifest.

    :raises FormatError: If a file is missing or is not what the manifest says.
    """
    files = []
    for path, entry in sorted(manifest.files.items()):
        source = folder / path
        if not source.is_file():
            raise FormatError(f"{source} is in {MANIFEST} but not in the folder; build the dataset again")
        if file_hash(source) != entry.sha256:
            raise FormatError(f"{source} is not what {MANIFEST} says; build the dataset again")
        files.append(Local(path, source, entry.sha256))
    single = [one for one in (folder / MANIFEST, folder / REPORT) if one.is_file()]
    return [*files, *(Local(one.name, one, file_hash(one)) for one in single)]


def card_file(text: str) -> Local:
    """The card as a file."""
    data = text.encode("utf-8")
    return Local(CARD, data, hashlib.sha256(data).hexdigest())


def difference(files: Iterable[Local], remote: Mapping[str, RepoFile]) -> Difference:
    """What has to be sent and what has to go; of foreign files only those below ``data/`` go."""
    wanted = {file.path: file for file in files}
    missing = tuple(file for path, file in wanted.items() if not file.is_there(remote.get(path)))
    obsolete = tuple(
        sorted(path for path in remote if (path.startswith("data/") or path == REPORT) and path not in wanted)
    )
    return Difference(missing, obsolete)
