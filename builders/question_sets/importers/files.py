"""The files of a published training set, by subset and split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.recipe import Import
from nyxqa.schemas.recipe_types import Split

_SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst")
# Names of splits on the Hub and in the converters' folders. MMEB has the same queries twice, once with rewritten
# instructions; "original" is read if it exists.
_SPLITS: dict[str, Split] = {
    "original": "train",
    "train": "train",
    "diverse_instruction": "train",
    "dev": "validation",
    "validation": "validation",
    "test": "test",
}
_FEEDBACK = "final_feedback"
_SPLIT_NAME = re.compile(rf"({'|'.join(_SPLITS)})(?:_hardneg|_with_retrieved_docs)?(?:-\d+-of-\d+)?\Z")


@dataclass(frozen=True)
class Source:
    """The files of one split of one subset, in order."""

    subset: str
    split: Split
    files: tuple[Path, ...]


def find_sources(path: Path) -> Iterator[Source]:
    """Yield the subsets and splits below ``path``: a file, a folder of one subset, or a folder of subsets.

    A file named after a split belongs to the subset that its folder is named after, and all other files (a corpus,
    captions) are ignored. If no file is named after a split, each file is a subset of its own.

    :raises WorldError: If there is no file of a supported format.
    """
    files = [path] if path.is_file() else sorted(file for file in _below(path) if _stem(file) is not None)
    if not files:
        raise WorldError(f"{path} has no file of a format that can be imported: {', '.join(_SUFFIXES)}")
    groups: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        stem = _stem(file) or file.name
        if stem == _FEEDBACK:  # of one set, or in a folder for each of several
            groups.setdefault(("" if file in (path, path / file.name) else file.parent.name, "train"), []).append(file)
            continue
        match = _SPLIT_NAME.match(stem)
        if match or not any(_SPLIT_NAME.match(_stem(other) or "") for other in files):
            key = (file.parent.name, match[1]) if match else (stem, "train")
            groups.setdefault(key, []).append(file)
    for (subset, name), members in sorted(groups.items()):
        if name == "original" or not any((subset, other) in groups for other in _preferred(name)):
            yield Source(subset, _SPLITS[name], tuple(_one_form(members)))


def _preferred(name: str) -> tuple[str, ...]:
    """Names of splits that have the same rows and are read instead of ``name``."""
    return {"train": ("original",), "diverse_instruction": ("original", "train")}.get(name, ())


def _one_form(files: list[Path]) -> list[Path]:
    """Return the files with mined negatives if a split exists both with and without them."""
    mined = [file for file in files if "_hardneg" in file.name or "_with_retrieved_docs" in file.name]
    return mined or files


def _below(path: Path) -> Iterator[Path]:
    yield from path.glob("*")
    yield from path.glob("*/*")


def _stem(file: Path) -> str | None:
    suffix = next((suffix for suffix in _SUFFIXES if file.name.lower().endswith(suffix)), None)
    return None if suffix is None else file.name[: -len(suffix)]


def sources_of(section: Import, split: Split | None = None) -> list[Source]:
    """Return the subsets and splits of an import.

    :param split: The only split to return; all if None.
    :raises UsageError: If the path does not exist.
    :raises WorldError: If there is no file of a supported format.
    """
    path = Path(section.path)
    if not path.exists():
        raise UsageError(f"import {section.kind}: file or folder {path} does not exist")
    return [source for source in find_sources(path) if split is None or source.split == split]
