"""The manifest: the file that is renamed into place to publish a run."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import FormatError, one_line
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.tables import FORMAT

MANIFEST = "manifest.json"
WORK = ".work"  # folder of a build's intermediate files, beside what it publishes
# Key of ``summary["images"]``: how many images are published by their address.
BY_ADDRESS = "by_address"


@dataclass(frozen=True)
class StageEntry:
    """A stage in numbers: rows_in = parents + dropped + not_sampled."""

    name: str
    split: str
    fingerprint: str
    unit_in: str
    unit_out: str
    rows_in: int
    parents: int
    dropped: int
    not_sampled: int
    rows_out: int
    seconds: float


@dataclass(frozen=True)
class FileEntry:
    """A published file: SHA-256 of its bytes, 64 digits, and its rows."""

    sha256: str
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What a run published and how it came about.

    :param recipe: The whole recipe as JSON types.
    :param versions: Versions of Python and the libraries that decide bytes.
    :param revisions: Resolved revision of each thing taken from the Hub.
    :param deviations: What the recipe asks of the paper and this run does otherwise.
    :param files: Every file below ``data/`` by its path in the folder.
    :param certificate: Leaks found between splits, by check; all zero in a published set.
    :param usage: Requests and tokens spent on models.
    :param summary: Counts for the card: languages, licences, sources, kinds, generators, drops.
    :param parent: Fingerprint of the version that this one was updated from; None for a dataset built whole.
    """

    recipe: dict[str, Any]
    seed: int
    versions: dict[str, str]
    revisions: dict[str, str]
    deviations: list[str]
    stages: list[StageEntry]
    files: dict[str, FileEntry]
    certificate: dict[str, int]
    usage: dict[str, int]
    summary: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    parent: str | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the names and hashes of all data files, 64 hexadecimal digits: which version this is."""
        lines = (f"{path} {entry.sha256}\n" for path, entry in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def splits(self, table: str) -> list[str]:
        """Splits of ``table`` that have files, sorted."""
        prefix = f"data/{table}/"
        return sorted(
            {path[len(prefix) :].rpartition("-of-")[0][:-6] for path in self.files if path.startswith(prefix)}
        )

    def paths(self, table: str, split: str) -> list[str]:
        """Files of one split of ``table``, in order."""
        return sorted(path for path in self.files if path.startswith(f"data/{table}/{split}-") and path.count("-") >= 3)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Rename the manifest of ``folder`` into place: the commit of a run."""
    value = asdict(manifest)
    write_json(folder / MANIFEST, {"format": value.pop("format"), **value})


def read_manifest(folder: Path) -> Manifest:
    """The manifest of ``folder``.

    :raises FormatError: If it is missing, is not a manifest of nyxqa, or was written by a newer version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        if (folder / WORK).is_dir():
            raise FormatError(
                f"{folder} holds no finished nyxqa dataset ({MANIFEST} is missing): a build in it is not finished; "
                "repeat the command that started it to continue"
            )
        if near := _dataset_near(folder):
            raise FormatError(f"{folder} holds no dataset; did you mean {near}?")
        if str(folder).startswith("s3:/"):
            raise FormatError(
                f"{folder}: a dataset is read from a folder on a disk, or from the Hub; copy it first with: aws s3 cp "
                "--recursive s3://BUCKET/PREFIX FOLDER"
            )
        raise FormatError(
            f"{folder} holds no finished nyxqa dataset ({MANIFEST} is missing); "
            f"build it with: python -m nyxqa.build --split train --out {folder}"
        )
    try:
        value = read_json(path)
        found = value["format"]
        if isinstance(found, bool) or not isinstance(found, int) or found < 1:
            raise TypeError(f"format {str(found)[:60]!r} is not a number of a format")
        if found > FORMAT:
            raise FormatError(f"{path} has format {found}; this nyxqa reads up to {FORMAT}: install a newer one")
        value["stages"] = [StageEntry(**entry) for entry in value["stages"]]
        value["files"] = {name: FileEntry(**entry) for name, entry in value["files"].items()}
        manifest = Manifest(**value)
        _check_types(manifest)
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is not a manifest of nyxqa: {one_line(error)}") from error


def _dataset_near(folder: Path) -> str:
    """A dataset inside ``folder``, around it, or in a folder of a similar name; "" if there is none."""
    inside = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}")) if folder.is_dir() else []
    around = [parent for parent in list(folder.absolute().parents)[:2] if folder.exists() and _is_ours(parent)]
    beside = {path.parent.name: path.parent for path in folder.parent.glob(f"*/{MANIFEST}") if path.parent != folder}
    similar = [beside[name] for name in difflib.get_close_matches(folder.name, beside, n=1)]
    found = [path for path in (*inside, *around, *similar) if _is_ours(path)]
    if not found:
        return ""
    text = os.path.relpath(found[0])
    return text if text.startswith("..") else f".{os.sep}{text}"


def _is_ours(folder: Path) -> bool:
    """Whether ``folder`` has a manifest of nyxqa: other tools have files of that name, too."""
    try:
        value = read_json(folder / MANIFEST)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"format", "recipe", "stages"} <= value.keys()


_TYPES: dict[str, type] = {
    "recipe": dict,
    "seed": int,
    "versions": dict,
    "revisions": dict,
    "deviations": list,
    "certificate": dict,
    "usage": dict,
    "summary": dict,
}
_COUNTS = ("rows_in", "parents", "dropped", "not_sampled", "rows_out")
_NAMES = ("name", "split", "fingerprint", "unit_in", "unit_out")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_FILE = re.compile(r"data/[^/\\\0]+/[^/\\\0]+\Z")


def _check_types(manifest: Manifest) -> None:
    """Refuse values of other types than a build writes, and files outside ``data/TABLE/``.

    :raises TypeError: Naming the part.
    """
    for name, kind in _TYPES.items():
        if not isinstance(getattr(manifest, name), kind):
            raise TypeError(f"{name} is not of type {kind.__name__}")
    for name in ("certificate", "usage"):
        if not all(_is_count(count) for count in getattr(manifest, name).values()):
            raise TypeError(f"{name} holds something else than counts")
    for name in ("versions", "revisions"):
        if not all(isinstance(one, str) for one in getattr(manifest, name).values()):
            raise TypeError(f"{name} holds something else than text")
    if manifest.parent is not None and not (isinstance(manifest.parent, str) and _HASH.match(manifest.parent)):
        raise TypeError("parent is not a fingerprint")
    if not all(isinstance(line, str) for line in manifest.deviations):
        raise TypeError("deviations hold something else than text")
    for entry in manifest.stages:
        texts = all(isinstance(getattr(entry, name), str) for name in _NAMES)
        numbers = isinstance(entry.seconds, int | float) and all(_is_count(getattr(entry, one)) for one in _COUNTS)
        if not (texts and numbers):
            raise TypeError(f"stage {str(entry.name)[:60]!r} holds a value of another type")
    for path, file in manifest.files.items():
        if not _FILE.match(path) or {".", ".."} & set(path.split("/")):
            raise TypeError(f"file {path[:60]!r} is not in a folder of data/")
        if not (isinstance(file.sha256, str) and _HASH.match(file.sha256) and _is_count(file.rows)):
            raise TypeError(f"file {path[:60]!r} has no hash or no number of rows")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
