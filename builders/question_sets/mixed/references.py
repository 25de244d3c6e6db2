"""Files of a set's folder, and its image cells: paths, ``data:`` and http(s) URLs, bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nyxqa.builders.images.references import Data, LocalFile, Rejected, locate
from nyxqa.builders.question_sets.importers.images import ImageFolder, ImageRef
from nyxqa.builders.question_sets.mixed.model import Picture
from nyxqa.schemas.errors import WorldError

_NO_IMAGE = ("", "None", "null")

_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".parquet")


def cells_of(value: Any) -> list[Any]:
    """The images that a cell names; a missing one is left out."""
    listed = value if isinstance(value, list | tuple) else [value]
    return [one for one in listed if one is not None and not (isinstance(one, str) and one.strip() in _NO_IMAGE)]


def pictures(value: Any, root: Path) -> tuple[Picture, ...]:
    """The images that a cell names.

    :param root: Folder that relative paths start at, and that none may leave.
    """
    return tuple(_picture(one, root) for one in cells_of(value))


def _picture(cell: Any, root: Path) -> Picture:
    if isinstance(cell, bytes | bytearray):
        return ImageRef("", data=bytes(cell))
    if isinstance(cell, Mapping):
        if cell.get("bytes"):
            return ImageRef(str(cell.get("path") or ""), data=cell["bytes"])
        cell = cell.get("path") or cell.get("url") or ""
    if not isinstance(cell, str):
        return Rejected("bad_reference", f"neither a path, a URL nor bytes: {type(cell).__name__}")
    found = locate(cell, "", root, slash_is_root=False)
    if isinstance(found, LocalFile):
        return ImageRef(found.name, found.path)
    if isinstance(found, Data):
        return ImageRef("", data=found.data)
    return found


def archived(names: Iterator[str] | list[str], folder: ImageFolder) -> Picture:
    """The first of some spellings of a path that ``folder`` has, as a file or in an archive."""
    first = ""
    for name in names:
        first = first or name
        if (found := folder.find(name)) is not None:
            return found
    problem = folder.archive_problem(first)
    return Rejected("missing_file", f"{problem}: {first}" if problem else first)


def stem_of(file: Path) -> str | None:
    """Name of a file of rows without its suffix; None for another file."""
    suffix = max((one for one in _SUFFIXES if file.name.lower().endswith(one)), key=len, default=None)
    return None if suffix is None else file.name[: -len(suffix)]


def named_file(folder: Path, stems: Iterable[str]) -> Path | None:
    """The first file of rows in ``folder`` with one of these stems, which are compared without case."""
    files = {stem.lower(): file for file in sorted(folder.glob("*"), reverse=True) if (stem := stem_of(file))}
    return next((files[stem.lower()] for stem in stems if stem.lower() in files), None)


def need_folder(kind: str, folder: Path) -> None:
    """Refuse a folder that does not exist.

    :raises WorldError: Naming it.
    """
    if not folder.is_dir():
        raise WorldError(f"{kind}: folder {folder} does not exist")
