"""From the name of a row file to its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import READ_ERRORS, open_text, uncompressed_name
from nyxqa.builders.row_files.row import Row
from nyxqa.builders.row_files.text_files import DELIMITERS, delimited_rows, json_rows
from nyxqa.schemas.errors import WorldError


def file_rows(path: Path) -> Iterator[Row | Drop]:
    """Yield the rows of a Parquet, CSV or TSV file, of JSON lines or a JSON list; all but Parquet may be compressed.

    A malformed row is a drop.

    :raises WorldError: If the file is missing or cannot be read to its end.
    """
    if not path.is_file():
        raise WorldError(f"file {path} does not exist")
    suffix = Path(uncompressed_name(path.name)).suffix
    try:
        if path.suffix.lower() == ".parquet":
            from nyxqa.builders.row_files.parquet import parquet_values

            for number, values in enumerate(parquet_values(path)):
                yield Row(path.name, number, values)
            return
        with open_text(path) as stream:
            if suffix in DELIMITERS:
                yield from delimited_rows(path.name, stream, DELIMITERS[suffix])
            else:
                yield from json_rows(path.name, stream)
    except READ_ERRORS as error:
        raise WorldError(
            f"{path} cannot be read to its end: {error}; the file may be truncated, or its suffix may be wrong"
        ) from error
