"""Rows of a file or of a dataset on the Hub, one at a time, whatever the container."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.schemas.errors import UsageError, WorldError, one_line

_CHUNK = 1 << 20
_BATCH_ROWS = 1_000
# Characters of one JSON value in a list; far above any row of a question set, it ends the search for a lost bracket.
_LONGEST_VALUE = 64 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_SPACE = re.compile(r"[\s,]*")
_TABLES = {".tsv": "\t", ".csv": ","}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source.

    :param source: File name or dataset name.
    :param number: Counted from 0.
    """

    source: str
    number: int
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What the ledger calls the row until it has an id."""
        return f"{self.source}:{self.number}"

    def need(self, *columns: str) -> Any:
        """The value of the first of ``columns`` that the row has.

        :raises WorldError: Naming file, row and columns, if it has none of them.
        """
        for column in columns:
            if column in self.values:
                return self.values[column]
        wanted = " or ".join(repr(column) for column in columns)
        raise WorldError(
            f"{self.source}, row {self.number}: no column {wanted}; "
            f"it has {', '.join(map(repr, self.values)) or 'none'}: is this the right kind of file?"
        )

    def drop(self, reason: str, detail: str = "") -> Drop:
        """A ledger row for this row."""
        return Drop("row", self.name, "", reason, detail)


@dataclass(frozen=True, slots=True)
class HubName:
    """``USER/NAME[/CONFIG][@REVISION]``: a dataset on the Hub."""

    name: str
    config: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> HubName:
        """The parts of ``text``.

        :raises UsageError: If it is no such name.
        """
        path, _, revision = text.partition("@")
        parts = path.split("/")
        if not 1 <= len(parts) <= 3 or not all(parts) or ("@" in text and not revision):
            raise UsageError(f"hf:{text}: expected hf:USER/NAME[/CONFIG][@REVISION]")
        return cls("/".join(parts[:2]), parts[2] if len(parts) == 3 else None, revision or None)

    def pinned(self) -> HubName:
        """The same with the commit its revision (default: the main branch) is now; a full commit needs no network.

        :raises WorldError: If the Hub does not answer or has no such dataset.
        """
        if self.revision is not None and _COMMIT.match(self.revision):
            return self
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError

        try:
            commit = HfApi().dataset_info(self.name, revision=self.revision).sha
        except (httpx2.HTTPError, HFValidationError, OSError) as error:
            line = one_line(error, 300)
            raise WorldError(f"cannot find out the commit of hf:{self.name}: {line}; name one: @COMMIT") from error
        return replace(self, revision=str(commit))


def file_rows(path: Path) -> Iterator[Row | Drop]:
    """Rows of JSON lines, a JSON list, CSV, TSV (each also ``.gz``) or Parquet; a line that is no row is a drop.

    :raises WorldError: If the file is missing or cannot be read on.
    """
    if not path.is_file():
        raise WorldError(f"no file {path}")
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    stem = path.with_suffix("") if path.suffix == ".gz" else path
    try:
        with _open(path) as stream:
            if stem.suffix in _TABLES:
                yield from _table_rows(path.name, stream, _TABLES[stem.suffix])
            elif _starts_list(stream):
                yield from _list_rows(path.name, stream)
            else:
                yield from _line_rows(path.name, stream)
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        raise WorldError(f"{path} cannot be read on: {error}; it may be cut short or not what its name says") from error


def hub_rows(hub: HubName, split: str) -> Iterator[Row | Drop]:
    """Rows of a dataset on the Hub, streamed.

    :raises WorldError: If the Hub does not give it.
    """
    import datasets
    import httpx2

    try:
        rows = datasets.load_dataset(hub.name, hub.config, split=split, revision=hub.revision, streaming=True)
        for number, values in enumerate(rows):
            yield Row(hub.name, number, values)
    except (OSError, ValueError, httpx2.HTTPError, datasets.exceptions.DatasetsError) as error:
        raise WorldError(f"hf:{hub.name}, split {split!r}: {one_line(error, 300)}") from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _starts_list(stream: IO[str]) -> bool:
    """Whether the first thing in ``stream`` is an opening bracket; the stream is left at its start."""
    while (character := stream.read(1)) and character.isspace():
        pass
    stream.seek(0)
    return character == "["


def _line_rows(source: str, stream: IO[str]) -> Iterator[Row | Drop]:
    number = 0
    for line in stream:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Drop("row", f"{source}:{number}", "", "bad_json", str(error))
        else:
            yield _row_of(source, number, value)
        number += 1


def _list_rows(source: str, stream: IO[str]) -> Iterator[Row | Drop]:
    """Items of a JSON list without holding the list.

    :raises WorldError: If the list breaks off or is no JSON.
    """
    decoder = json.JSONDecoder()
    buffer = stream.read(_CHUNK).lstrip()
    at, number = 1, 0
    while True:
        space = _SPACE.match(buffer, at)
        at = space.end() if space else at
        if buffer.startswith("]", at):
            return
        try:
            value, end = decoder.raw_decode(buffer, at)
        except ValueError as error:
            more = stream.read(_CHUNK)
            if not more or len(buffer) - at > _LONGEST_VALUE:
                raise WorldError(f"{source}, row {number}: the list breaks off here: {error}") from error
            buffer, at = buffer[at:] + more, 0
            continue
        yield _row_of(source, number, value)
        at = end
        number += 1


def _row_of(source: str, number: int, value: Any) -> Row | Drop:
    if isinstance(value, dict):
        return Row(source, number, value)
    return Drop("row", f"{source}:{number}", "", "bad_row", f"expected an object, found {type(value).__name__}")


def _table_rows(source: str, stream: IO[str], delimiter: str) -> Iterator[Row | Drop]:
    reader = csv.reader(stream, delimiter=delimiter)
    header = next(reader, [])
    for number, cells in enumerate(reader):
        if len(cells) == len(header):
            yield Row(source, number, dict(zip(header, cells, strict=True)))
        else:
            detail = f"{len(cells)} cells under {len(header)} columns"
            yield Drop("row", f"{source}:{number}", "", "bad_row", detail)


def _parquet_rows(path: Path) -> Iterator[Row | Drop]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with closing(pq.ParquetFile(path)) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    yield Row(path.name, number, values)
                    number += 1
    except pa.ArrowException as error:
        raise WorldError(f"{path} cannot be read as Parquet: {error}") from error
