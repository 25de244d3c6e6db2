"""Read the benchmark files that ``filters.decontaminate`` names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr

from nyxqa.builders.filters.benchmark_fields import IMAGE_SUFFIXES, Item, item_of
from nyxqa.builders.row_files.compression import MAX_LINE, READ_ERRORS, numbered_lines, open_compressed, open_text
from nyxqa.builders.row_files.parquet import parquet_values
from nyxqa.builders.row_files.text_files import DELIMITERS, padded_rows
from nyxqa.schemas.errors import UsageError, WorldError

_WHERE = "filters.decontaminate"
_ROWS = 64  # rows of a Parquet file in memory: they may hold images


@dataclass(frozen=True)
class BenchmarkFile:
    """A benchmark file.

    :param name: Its name in the ledger: the file name, with its path from the folder that the recipe names.
    """

    path: Path
    name: str

    def identity(self) -> list[object]:
        """Return name, size in bytes and modification time in nanoseconds."""
        state = self.path.stat()
        return [self.name, state.st_size, state.st_mtime_ns]


def benchmark_files(paths: Sequence[str]) -> list[BenchmarkFile]:
    """Return the files in the recipe's order; folders are searched recursively.

    :param paths: Files and folders.
    :raises UsageError: If the format of a file is not supported.
    :raises WorldError: If a file is missing, unreadable or empty, or a folder has no file of a supported format.
    """
    files: list[BenchmarkFile] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.is_file() and _reader(file) is not None]
            if not inside:
                raise WorldError(f"{_WHERE}: folder {path} has no file of a supported format: {_formats()}")
            top = path.resolve().name
            files += [BenchmarkFile(file, f"{top}/{file.relative_to(path).as_posix()}") for file in inside]
        elif path.exists() and _reader(path) is None:
            raise UsageError(f"{_WHERE}: the format of {path} is not supported; give a folder or {_formats()}")
        else:
            files.append(BenchmarkFile(path, path.name))
    for file in files:
        _check(file.path)
    return files


def items(file: BenchmarkFile) -> Iterator[Item]:
    """Yield the items of one file; only a few are in memory at a time, except that a ``.json`` file is read whole.

    :raises WorldError: If the file cannot be read to its end; the message names the line or row where it is known.
    """
    read = _reader(file.path)
    if read is None:
        raise UsageError(f"{_WHERE}: the format of {file.path} is not supported; give {_formats()}")
    try:
        yield from read(file.path)
    except READ_ERRORS as error:
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
    with open_text(path) as stream:
        for number, line, length in numbered_lines(stream):
            yield Item(f"line {number + 1}", (_short_enough(line, number, length, path),))


def _json_lines(path: Path) -> Iterator[Item]:
    with open_compressed(path) as stream:
        for number, line, length in numbered_lines(stream):
            place = f"line {number + 1}"
            try:
                row = json.loads(_short_enough(line, number, length, path).decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise WorldError(f"{_WHERE}: {path} {place} is not valid JSON: {error}") from error
            yield _item(row, place, path)


def _short_enough(line: AnyStr | None, number: int, length: int, path: Path) -> AnyStr:
    if line is None:
        raise WorldError(f"{_WHERE}: {path} line {number + 1} has length {length}, at most {MAX_LINE} are read")
    return line


def _json_list(path: Path) -> Iterator[Item]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise WorldError(f"{_WHERE}: {path} is not valid JSON: {error}") from error
    if isinstance(value, dict):
        value = value.get("data")
    if not isinstance(value, list):
        raise WorldError(f"{_WHERE}: {path} is neither a list of items nor an object with a list under 'data'")
    for number, row in enumerate(value, 1):
        yield _item(row, f"row {number}", path)


def _parquet(path: Path) -> Iterator[Item]:
    for number, row in enumerate(parquet_values(path, _ROWS), 1):
        yield _item(row, f"row {number}", path)


def _delimited(path: Path) -> Iterator[Item]:
    with open_text(path) as stream:
        for number, row in enumerate(padded_rows(stream, DELIMITERS[path.suffix.lower()]), 1):
            yield _item(row, f"row {number}", path)


def _image(path: Path) -> Iterator[Item]:
    yield Item("", (), (path,))


def _item(row: Any, place: str, path: Path) -> Item:
    if isinstance(row, str):
        return Item(place, (row,))
    if not isinstance(row, dict):
        raise WorldError(f"{_WHERE}: {path} {place} is neither an object nor a string")
    return item_of(row, place, path.parent)


_READERS: dict[str, Callable[[Path], Iterator[Item]]] = {
    ".txt": _lines,
    ".jsonl": _json_lines,
    ".jsonl.gz": _json_lines,
    ".jsonl.zst": _json_lines,
    ".json": _json_list,
    ".parquet": _parquet,
    ".csv": _delimited,
    ".tsv": _delimited,
}


def _reader(path: Path) -> Callable[[Path], Iterator[Item]] | None:
    name = path.name.lower()
    if name.startswith("."):
        return None
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _image
    return next((read for suffix, read in _READERS.items() if name.endswith(suffix)), None)


def _formats() -> str:
    return f"{', '.join(_READERS)}, or images"
