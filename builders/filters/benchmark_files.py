"""The files of ``filters.decontaminate``: which there are, and their items one by one."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.filters.benchmark_fields import IMAGE_SUFFIXES, Item, item_of
from nyxqa.schemas.errors import UsageError, WorldError

_WHERE = "filters.decontaminate"
_ROWS = 64  # rows of a Parquet file in memory: they may hold images
_MOST_FIELD = 1 << 27  # characters of a field of a table; the csv module's own limit is below an image in base64


@dataclass(frozen=True)
class BenchmarkFile:
    """A file with items.

    :param name: Its name in the ledger: the file's own, with its path inside the folder that the recipe names.
    """

    path: Path
    name: str

    def identity(self) -> list[object]:
        """What changes when the file does: name, size and time."""
        state = self.path.stat()
        return [self.name, state.st_size, state.st_mtime_ns]


def benchmark_files(given: Sequence[str]) -> list[BenchmarkFile]:
    """All files that ``given`` names, folders searched through, in the recipe's order.

    :raises UsageError: If a file is of no kind that is read.
    :raises WorldError: If one is missing, unreadable or empty, or a folder holds none of a kind that is read.
    """
    found: list[BenchmarkFile] = []
    for name in given:
        path = Path(name)
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.is_file() and _reader(file) is not None]
            if not inside:
                raise WorldError(f"{_WHERE}: folder {path} holds no file of a kind that is read: {_kinds()}")
            top = path.resolve().name
            found += [BenchmarkFile(file, f"{top}/{file.relative_to(path).as_posix()}") for file in inside]
        elif path.exists() and _reader(path) is None:
            raise UsageError(f"{_WHERE}: {path} is of no kind that is read; give a folder or {_kinds()}")
        else:
            found.append(BenchmarkFile(path, path.name))
    for file in found:
        _check(file.path)
    return found


def items(file: BenchmarkFile) -> Iterator[Item]:
    """Items of one file, a few in memory at a time (of ``.json`` all).

    :raises WorldError: If the file cannot be read to its end; naming the line or row where it can be said.
    """
    read = _reader(file.path)
    if read is None:
        raise UsageError(f"{_WHERE}: {file.path} is of no kind that is read; give {_kinds()}")
    try:
        yield from read(file.path)
    except (OSError, EOFError, zlib.error, pa.ArrowInvalid, csv.Error, UnicodeDecodeError) as error:
        raise WorldError(f"{_WHERE}: {file.path} cannot be read to its end: {error}") from error


def _check(path: Path) -> None:
    try:
        with path.open("rb") as opened:
            empty = not opened.read(1)
    except FileNotFoundError as error:
        raise WorldError(f"{_WHERE}: {path} does not exist") from error
    except OSError as error:
        raise WorldError(f"{_WHERE}: {path} cannot be read: {error.strerror}") from error
    if empty:
        raise WorldError(f"{_WHERE}: {path} is empty")


def _lines(path: Path) -> Iterator[Item]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield Item(f"line {number}", (line,))


def _json_lines(path: Path) -> Iterator[Item]:
    with _binary(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    row = json.loads(line.decode("utf-8-sig"))
                except (ValueError, RecursionError) as error:
                    raise WorldError(f"{_WHERE}: {path} line {number} is no JSON: {error}") from error
                yield _item(row, f"line {number}", path)


def _binary(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _json_list(path: Path) -> Iterator[Item]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise WorldError(f"{_WHERE}: {path} is no JSON: {error}") from error
    if isinstance(value, dict):
        value = value.get("data")
    if not isinstance(value, list):
        raise WorldError(f"{_WHERE}: {path} holds neither a list of items nor one under 'data'")
    for number, row in enumerate(value, 1):
        yield _item(row, f"row {number}", path)


def _parquet(path: Path) -> Iterator[Item]:
    number = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield _item(row, f"row {number}", path)


def _separated(path: Path) -> Iterator[Item]:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
    before = csv.field_size_limit(_MOST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, dialect=dialect, restkey="more", restval=""), 1):
                yield _item(row, f"row {number}", path)
    finally:
        csv.field_size_limit(before)


def _picture(path: Path) -> Iterator[Item]:
    yield Item("", (), (path,))


def _item(row: Any, place: str, path: Path) -> Item:
    if isinstance(row, str):
        return Item(place, (row,))
    if not isinstance(row, dict):
        raise WorldError(f"{_WHERE}: {path} {place} is neither an object nor a text")
    return item_of(row, place, path.parent)


_READERS: dict[str, Callable[[Path], Iterator[Item]]] = {
    ".txt": _lines,
    ".jsonl": _json_lines,
    ".jsonl.gz": _json_lines,
    ".json": _json_list,
    ".parquet": _parquet,
    ".csv": _separated,
    ".tsv": _separated,
}


def _reader(path: Path) -> Callable[[Path], Iterator[Item]] | None:
    name = path.name.lower()
    if name.startswith("."):
        return None
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _picture
    return next((read for suffix, read in _READERS.items() if name.endswith(suffix)), None)


def _kinds() -> str:
    return f"{', '.join(_READERS)}, or images"
