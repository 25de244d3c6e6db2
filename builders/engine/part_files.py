"""The files of a step's folder by name, and the record that says which of them belong to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Counts
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.files import read_json, write_json

_NUMBERED = re.compile(r"(part|ledger)-(\d+)\.parquet")


def part_file(folder: Path, index: int) -> Path:
    """Parquet file of shard ``index``."""
    return folder / f"part-{index:06d}.parquet"


def ledger_file(folder: Path, index: int) -> Path:
    """Parquet file of what shard ``index`` dropped."""
    return folder / f"ledger-{index:06d}.parquet"


def marker_file(folder: Path, index: int) -> Path:
    """The file that marks shard ``index`` as complete; written last, it holds the shard's counts."""
    return folder / f"done-{index:06d}.json"


def record_file(folder: Path) -> Path:
    """The file that marks the step in ``folder`` as finished; written last, it holds the step's ``StepRecord``."""
    return folder / "done.json"


@dataclass(frozen=True)
class StepRecord:
    """A finished step: how many files it has, and its account.

    :param shards: Number of part files, numbered from 0.
    :param ledgers: Numbers of the ledger files; what drops nothing has none.
    :param counts: The account in numbers; None for a step that keeps none.
    """

    shards: int
    ledgers: tuple[int, ...] = ()
    counts: Counts | None = None


def write_record(folder: Path, record: StepRecord) -> None:
    """Mark the step in ``folder`` as finished."""
    counts = {} if record.counts is None else asdict(record.counts)
    write_json(record_file(folder), {"shards": record.shards, "ledgers": list(record.ledgers), **counts})


def was_changed(file: Path, folder: Path) -> bool:
    """Whether a file that the step in ``folder`` wrote was changed after the step was finished."""
    return file.stat().st_mtime_ns > record_file(folder).stat().st_mtime_ns


def read_record(folder: Path) -> StepRecord | None:
    """The record of the step in ``folder``; None if it is unfinished, or was made by 0.1.0, which counted no files."""
    file = record_file(folder)
    if not file.exists():
        return None
    found: dict[str, Any] = read_json(file)
    if "shards" not in found:
        return None
    shards, ledgers = found.pop("shards"), found.pop("ledgers")
    return StepRecord(shards, tuple(ledgers), Counts(**found) if found else None)


def is_done(folder: Path) -> bool:
    """Whether the step in ``folder`` is finished."""
    return read_record(folder) is not None


def filled_record(folder: Path, counts: Counts | None) -> StepRecord:
    """The record of a step whose folder one function has filled.

    :raises LawError: If the part files are not numbered without a gap, or do not hold as many rows as ``counts`` says.
    """
    numbers: dict[str, list[int]] = {"part": [], "ledger": []}
    for file in folder.iterdir():
        if (match := _NUMBERED.fullmatch(file.name)) is not None:
            numbers[match[1]].append(int(match[2]))
    shards = len(numbers["part"])
    files = [part_file(folder, index) for index in range(shards)]
    require(folder, files)
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    if files and counts is not None and counts.rows_out != rows:
        raise LawError(f"{folder} holds {rows} rows and its account says {counts.rows_out}; {_remake(folder)}")
    return StepRecord(shards, tuple(sorted(numbers["ledger"])), counts)


def file_groups(files: Iterable[Path], rows: int) -> Iterator[list[Path]]:
    """``files`` in their order, in groups: one ends with the file that brings it to ``rows`` rows."""
    group: list[Path] = []
    count = 0
    for file in files:
        group.append(file)
        count += pq.read_metadata(file).num_rows
        if count >= rows:
            yield group
            group, count = [], 0
    if group:
        yield group


def require(folder: Path, files: list[Path]) -> None:
    """Refuse a step whose folder lacks one of ``files``.

    :raises LawError: Naming the first file that is missing, and how to make it again.
    """
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise LawError(
            f"{missing[0]} is missing ({len(missing)} of {len(files)} files of this kind); {_remake(folder)}"
        )


def _remake(folder: Path) -> str:
    return f"remove {folder} and run again, which computes this step again"
