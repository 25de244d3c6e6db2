"""Files of a set's folder, whatever their case and compression."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nyxqa.schemas.errors import WorldError

_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".parquet")


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
