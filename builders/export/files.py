"""Files of an export: Parquet written row group by row group, and images."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.export.dataset import Row
from nyxqa.schemas.content import PLACEHOLDER, plain_text
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.images.formats import PNG, image_format
from nyxqa.schemas.tables import features_metadata

REASON = "further_images"


_ROWS = 100
_BYTES = 16 * 2**20


class ParquetPart:
    """One Parquet file; rows are buffered until a row group is full.

    :param schema: The columns; the file names their ``datasets`` features in the spelling of ``features_metadata``.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.schema = schema.with_metadata(features_metadata(schema))
        self.rows = 0
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd", write_page_index=True)
        self._group: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        """Append a row whose values are as Parquet stores them."""
        self._group.append(row)
        self._bytes += _size(row)
        self.rows += 1
        if len(self._group) >= _ROWS or self._bytes >= _BYTES:
            self._flush()

    def close(self) -> None:
        """Write the buffered rows and close the file."""
        self._flush()
        self._writer.close()

    def __enter__(self) -> ParquetPart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        if self._group:
            self._writer.write_table(pa.Table.from_pylist(self._group, self.schema), row_group_size=len(self._group))
        self._group, self._bytes = [], 0


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(item) for item in value.values())
    return sum(_size(item) for item in value) if isinstance(value, list) else 8


@contextmanager
def write_json_lines(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that appends a row to a new file of JSON lines."""
    with path.open("w", encoding="utf-8") as stream:
        yield lambda row: print(json.dumps(row, ensure_ascii=False), file=stream)


def image_struct(data: bytes | None) -> dict[str, Any] | None:
    """An image as ``datasets`` stores it."""
    return None if data is None else {"bytes": data, "path": None}


def data_uri(data: bytes) -> str:
    """The image as a ``data:`` URI."""
    return f"data:{(image_format(data) or PNG).mime_type};base64,{base64.b64encode(data).decode('ascii')}"


class ImageFiles:
    """Image files below ``images/``, one for each distinct content.

    :param folder: Folder of the export.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, data: bytes) -> str:
        """Path of the image relative to the folder; the file is written on the first call."""
        name = hashlib.sha256(data).hexdigest()
        path = f"images/{name[:2]}/{name}.{(image_format(data) or PNG).extension}"
        if not (self.folder / path).exists():
            write_bytes(self.folder / path, data)
        return path


@dataclass(frozen=True)
class OneImage:
    """A side as text without placeholders, its first image, and its further images."""

    text: str
    image: bytes | None
    further: tuple[bytes, ...]


def one_image(side: Row, note: Callable[[str], None]) -> OneImage:
    """The side with at most one image.

    :param note: Called with one line if the side has several images.
    """
    images = side["images"]
    text = plain_text(side["text"]) if PLACEHOLDER in side["text"] else side["text"]
    if len(images) > 1:
        note(f"{len(images)} images, the target takes the first; the others are in the column of further images")
    return OneImage(text, images[0] if images else None, tuple(images[1:]))
