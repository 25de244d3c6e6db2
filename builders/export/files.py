"""Files of an export: Parquet written row group by row group, images, ``README.md`` and ``left_out.jsonl``."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.export.dataset import LEFT_OUT, LeftOut, Row
from nyxqa.schemas.card_configs import files_description
from nyxqa.schemas.columns import features_metadata
from nyxqa.schemas.content import PLACEHOLDER, plain_text
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.images.formats import PNG, image_format
from nyxqa.schemas.writing import file_hash

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


def write_readme(
    folder: Path,
    target: str,
    files: Mapping[str, Mapping[str, str]],
    how: str,
    left_out: LeftOut,
    options: Mapping[str, str] | None = None,
) -> None:
    """Write ``README.md`` of an export.

    :param files: File or pattern of each split, by config, for ``datasets``.
    :param how: Instructions for reading it; ``FOLDER`` is the placeholder for its folder.
    :param options: What ``datasets`` must know to read the files of a config.
    """
    import yaml

    configs: list[dict[str, object]] = [
        {
            "config_name": name,
            "description": files_description(_hashes(folder, splits.values())),
            "data_files": [{"split": split, "path": path} for split, path in splits.items()],
            **(options or {}),
        }
        for name, splits in files.items()
    ]
    configs[0]["default"] = True
    head = yaml.safe_dump({"configs": configs}, sort_keys=False)
    lines = [f"- {reason}: {count}" for reason, count in sorted(left_out.counts.items())]
    note = f"Listed row by row in `{LEFT_OUT}`:\n\n" + "\n".join(lines) if lines else "Nothing."
    read = f"`FOLDER` is the path of this folder.\n\n{how}"
    text = f"---\n{head}---\n\n# Export for {target}\n\n{read}\n\n## Left out\n\n{note}\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _hashes(folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the files that ``patterns`` match, by path relative to ``folder``."""
    files = sorted(path for pattern in patterns for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
