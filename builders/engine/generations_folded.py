"""How often what a run observed was observed anew, by name; the number enters the fingerprints that stand on it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from nyxqa.schemas.files import read_json, write_json

_FILE = "generations.json"


def generation(work: Path, name: str, again: Collection[str] = ()) -> int:
    """The generation of ``name``, from 0; one more if ``name`` is among those to be observed ``again``."""
    return _read(work).get(name, 0) + (name in again)


def begin_generation(work: Path, name: str) -> None:
    """Let everything that stands on ``name`` be made anew."""
    write_json(work / _FILE, {**_read(work), name: generation(work, name) + 1})


def _read(work: Path) -> dict[str, int]:
    file = work / _FILE
    found: dict[str, int] = read_json(file) if file.exists() else {}
    return found
