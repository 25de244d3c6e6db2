"""``e5:MODEL?vectors=FILE``: passages whose vectors were made elsewhere are read; only queries are encoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nyxqa.retriever.encoders.e5 import E5Encoder, E5Model
from nyxqa.retriever.index.embeddings import SEARCH_ROWS, write_embeddings
from nyxqa.retriever.index.vector_files import Vectors, open_vectors, vector_file
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.errors import FormatError, UsageError

# Passages of a range that are encoded here too, and the cosine that at least half of them must reach. Half precision
# keeps .999; a passage that the other program cut shorter than 512 tokens may fall below.
_CHECKED = 8
_SAME = 0.99


@dataclass(frozen=True)
class _Passage:
    """A passage, with the row of its vector."""

    row: int
    text: str


class ReadyE5Encoder(E5Encoder):
    """Encoder ``e5:MODEL?vectors=FILE``; the file's vectors are checked against the model's in every range of rows.

    :param model: The checkpoint, with ``vectors``.
    """

    def __init__(self, model: E5Model, on: Sequence[str] = ()) -> None:
        super().__init__(model, on)
        self._vectors = Path(model.vectors)

    @cached_property
    def fingerprint(self) -> str:
        """That of the model, and name, size and time of the file."""
        file = vector_file(self._vectors)
        state = file.stat()
        return f"{super().fingerprint}/vectors={file.name},{state.st_size},{state.st_mtime_ns}"

    def build(self, entries: Iterable[SearchEntry], folder: Path) -> None:
        """Write the file's vectors of ``entries`` into ``folder``, range by range.

        :raises UsageError: If entries do not come from one file of passages.
        :raises FormatError: If the file has too few vectors, or those of other texts or of another model.
        """
        items = ((entry.id, _Passage(entry.row, self.item(entry, "document"))) for entry in entries)
        write_embeddings(items, folder, self.fingerprint, self._readers, _parts, SEARCH_ROWS, self.store)

    def _readers(self) -> list[_Reader]:
        return [_Reader(vector_file(self._vectors), self)]

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts with their prefixes, by the model."""
        vectors: Vectors = self._replicas[0].encode(texts)
        return vectors

    @property
    def dimensions(self) -> int:
        """Length of a vector of the model."""
        return self._replicas[0].dimensions


def _parts(item: _Passage) -> Iterable[bytes]:
    return (str(item.row).encode(), item.text.encode())


class _Reader:
    """Reads vectors as a model would compute them."""

    def __init__(self, file: Path, encoder: ReadyE5Encoder) -> None:
        self.dimensions = encoder.dimensions
        self._file, self._encoder = file, encoder
        self._stored = open_vectors(file, self.dimensions)

    def encode(self, items: Sequence[_Passage], /) -> Vectors:
        """Unit vectors of ``items``, float32 [items, dimensions]."""
        rows = np.array([item.row for item in items], dtype=np.int64)
        if (rows < 0).any():
            raise UsageError(
                f"vectors={self._file.name} goes with the passages of one file, whose rows it follows; this pool has "
                "another source: leave out vectors="
            )
        if rows.max() >= self._stored.rows:
            raise FormatError(
                f"{self._file} holds {self._stored.rows} vectors, and the passages have a row {rows.max()}; give the "
                "vectors of this file of passages"
            )
        vectors = self._stored.read(rows)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0))
        if len(bad):
            raise FormatError(f"{self._file}, row {rows[bad[0]]}: the vector is zero or not finite; make it again")
        unit: Vectors = vectors / lengths
        self._check(items, unit)
        return unit

    def _check(self, items: Sequence[_Passage], vectors: Vectors) -> None:
        """:raises FormatError: If the model gives other vectors for more than half of some passages."""
        some = np.unique(np.linspace(0, len(items) - 1, _CHECKED).astype(np.int64))
        own = self._encoder.encode_texts([items[place].text for place in some])
        cosines = (own * vectors[some]).sum(axis=1)
        if (cosines >= _SAME).sum() * 2 < len(some):
            worst = int(cosines.argmin())
            raise FormatError(
                f"{self._file}, row {items[some[worst]].row}: the model gives another vector for this passage (cosine "
                f"{cosines[worst]:.3f}, needed {_SAME}): the vectors are of other passages, in another order, or of "
                "another model or prefix"
            )
