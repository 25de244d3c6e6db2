"""Contents of single rows out of a mapped table: no copy of what is not asked for, and little Python for the rest."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nyxqa.schemas.fetching import fetch_image


class _Piece(NamedTuple):
    """One record batch: texts, and the images of row i at ``offsets[i]`` to ``offsets[i + 1]``."""

    texts: pa.Array
    offsets: npt.NDArray[np.int32]
    items: pa.Array
    paths: pa.Array | None


class Contents:
    """Text and images of any row of a table of documents.

    :param table: Mapped rows with a column ``text``.
    :param images: Column of images, or of their ids.
    """

    def __init__(self, table: pa.Table, images: str) -> None:
        self._batches = [batch for batch in table.select(["text", images]).to_batches() if batch.num_rows]
        ends = np.cumsum([batch.num_rows for batch in self._batches]).tolist()
        self._starts: list[int] = [0, *ends[:-1]]
        self._pieces: dict[int, _Piece] = {}

    def __call__(self, row: int) -> tuple[str, list[Any]]:
        """Text and encoded images (or ids) of one row; images published by address are fetched.

        :raises WorldError: If one cannot be fetched.
        """
        number = bisect_right(self._starts, row) - 1
        piece = self._pieces.get(number) or self._piece(number)
        local = row - self._starts[number]
        text: str = piece.texts[local].as_py()
        first, last = piece.offsets[local : local + 2].tolist()
        items = [piece.items[at].as_py() for at in range(first, last)]
        if piece.paths is not None and None in items:
            items = [
                fetch_image(piece.paths[first + i].as_py()) if item is None else item for i, item in enumerate(items)
            ]
        return text, items

    def _piece(self, number: int) -> _Piece:
        """The arrays of one batch, which are views and stay small."""
        texts, images = self._batches[number].columns
        offsets = images.offsets.to_numpy(zero_copy_only=False)
        values = images.values
        plain = not pa.types.is_struct(values.type)
        piece = _Piece(
            texts, offsets, values if plain else values.field("bytes"), None if plain else values.field("path")
        )
        self._pieces[number] = piece
        return piece
