"""Text and images of single rows of a mapped table, read without copying other rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from nyxqa.schemas.content import check_content
from nyxqa.schemas.errors import ContentError, LawError, WorldError
from nyxqa.schemas.loading.image_fetch import fetch_image
from nyxqa.schemas.loading.joined_content import ImagesMode, JoinedContent, open_image

# The C library hands freed memory back to the system unless a block of its own was once given back whole; from then on
# it keeps up to twice that block's size. Without, every batch of images is copied into pages that are new to the
# process, which takes five times as long as the copy. NumPy's and torch's own arrays often have the same effect.
_KEPT_BYTES = 16 * 2**20


class _Values(NamedTuple):
    """Strings or byte strings of an array: value i is ``data[offsets[i] : offsets[i + 1]]``."""

    offsets: memoryview
    data: memoryview


class _Piece(NamedTuple):
    """One record batch: texts, and the images of row i at ``images[i]`` to ``images[i + 1]`` of ``items``."""

    texts: _Values
    images: memoryview
    items: _Values
    as_item: Callable[..., Any]
    missing: pa.Array | None
    paths: pa.Array | None


class DocumentReader:
    """Text and images of any row of a table of documents.

    :param table: Mapped rows with the columns of ``corpus``.
    :param images: How images are given.
    """

    def __init__(self, table: pa.Table, images: ImagesMode) -> None:
        columns = ["text", "image_ids" if images == "none" else "images"]
        self._doc_ids = table.column("doc_id")
        self._decode = images == "decode"
        self._batches = [batch for batch in table.select(columns).to_batches() if batch.num_rows]
        ends = np.cumsum([batch.num_rows for batch in self._batches]).tolist()
        self._starts: list[int] = [0, *ends[:-1]]
        self._pieces: dict[int, _Piece] = {}
        np.empty(_KEPT_BYTES, np.uint8)

    def __call__(self, row: int) -> JoinedContent:
        """Text and images (or ids) of one row; images published by address are fetched.

        :raises WorldError: If one cannot be fetched.
        :raises FormatError: If one cannot be decoded.
        :raises LawError: If text and images disagree.
        """
        number = bisect_right(self._starts, row) - 1
        piece = self._pieces.get(number) or self._piece(number)
        local = row - self._starts[number]
        (offsets, data), listed, (ends, items), as_item, missing, paths = piece
        text = str(data[offsets[local] : offsets[local + 1]], "utf-8")
        held = range(listed[local], listed[local + 1])
        try:
            check_content(text, len(held))
            if missing is None or paths is None:
                images = [as_item(items[ends[at] : ends[at + 1]]) for at in held]
            else:
                images = [
                    fetch_image(paths[at].as_py()) if missing[at].as_py() else as_item(items[ends[at] : ends[at + 1]])
                    for at in held
                ]
        except (ContentError, WorldError) as error:
            kind = LawError if isinstance(error, ContentError) else WorldError
            raise kind(f"{self._name(row)}: {error}") from error
        if self._decode:
            name = self._name(row)
            images = [open_image(one, name) for one in images]
        return {"text": text, "images": images}

    def _name(self, row: int) -> str:
        return f"document {self._doc_ids[row]}"

    def _piece(self, number: int) -> _Piece:
        """The arrays of one batch, which are views and stay small."""
        texts, images = self._batches[number].columns
        values = images.values
        by_struct = pa.types.is_struct(values.type)
        items = values.field("bytes") if by_struct else values
        missing = items.is_null() if by_struct and items.null_count else None
        piece = _Piece(
            _values(texts, pa.string()),
            memoryview(images.offsets.to_numpy()),
            _values(items, pa.binary()),
            bytes if by_struct else _string,
            missing,
            None if missing is None else values.field("path"),
        )
        self._pieces[number] = piece
        return piece


def _values(array: pa.Array, kind: pa.DataType) -> _Values:
    """The buffers of an array; of one with 64-bit offsets a copy."""
    array = array.cast(kind)
    _, offsets, data = array.buffers()
    first = array.offset
    ends = memoryview(offsets).cast("B").cast("i")[first : first + len(array) + 1] if offsets else memoryview(bytes(4))
    return _Values(ends, memoryview(data) if data else memoryview(b""))


def _string(data: memoryview) -> str:
    return str(data, "utf-8")
