"""A passage pool on disk: written once in the order of its source, read by row number."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from nyxqa.builders.dedup.equal_keys import first_equal
from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.retriever.index.stored_strings import StoredStrings, StringWriter
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.ids import doc_id

_COLUMNS = ("names", "external_ids", "titles", "texts")
_POOLED = "kept.npy"  # int64 [passages]: stored row of each passage of the pool
_COPIES = "copies.npy"  # int64 [copies, 2]: row in the pool and stored row of each passage with a repeated text

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PooledPassage:
    """A passage of a pool; equal texts have equal ids.

    :param name: Ledger name of the source row.
    :param external_id: The id in the source.
    """

    name: str
    external_id: str
    title: str
    text: str

    @cached_property
    def id(self) -> str:
        """The ``doc_id`` of the text."""
        return doc_id(self.text, ())


def write_pool(passages: Iterable[Passage | Drop], folder: Path, drop: Callable[[Drop], None]) -> int:
    """Write the passages into ``folder`` and return the number of passages in the pool.

    Of passages with equal ids and of passages with equal texts only the first is in the pool; later ones are dropped
    (``same_page``, ``same_content``), and the positions of repeated texts are stored. Needs 64 bytes of memory for
    each passage.

    :param drop: Called with the ledger entry of every row that is not in the pool.
    """
    own_ids, texts = array("Q"), array("Q")
    _write(passages, folder, drop, own_ids, texts)
    first = _first_places(own_ids)
    names = StoredStrings(folder, _COLUMNS[0])
    rows = np.arange(len(first))
    for row in np.flatnonzero(first != rows).tolist():
        drop(Drop("row", names[row], "", "same_page", f"the id of {names[int(first[row])]}"))
    left = np.flatnonzero(first == rows)
    first = left[_first_places(texts, left)]
    copy = first != left
    for row, original in zip(left[copy].tolist(), first[copy].tolist(), strict=True):
        drop(Drop("row", names[row], "", "same_content", f"the text of {names[original]}"))
    pooled = left[~copy]
    copies = np.stack([np.searchsorted(pooled, first[copy]), left[copy]], axis=1)
    np.save(folder / _POOLED, pooled)
    np.save(folder / _COPIES, copies[np.lexsort((copies[:, 1], copies[:, 0]))])
    return len(pooled)


def _write(
    passages: Iterable[Passage | Drop],
    folder: Path,
    drop: Callable[[Drop], None],
    own_ids: array[int],
    texts: array[int],
) -> None:
    """Store all passages; a hash of 128 bits, as two numbers, is appended to each of ``own_ids`` and ``texts``."""
    with ExitStack() as stack:
        writers = [stack.enter_context(StringWriter(folder, column)) for column in _COLUMNS]
        for passage in passages:
            if isinstance(passage, Drop):
                drop(passage)
                continue
            values = (passage.name, passage.id, passage.title, passage.text)
            for writer, value in zip(writers, values, strict=True):
                writer.append(value)
            own_ids.frombytes(hashlib.blake2b(passage.id.encode(), digest_size=16).digest())
            texts.frombytes(bytes.fromhex(doc_id(passage.text, ())))


def _first_places(halves: array[int], rows: Rows | None = None) -> Rows:
    """For each of ``rows`` (all if None) the first place among them with an equal key of two halves."""
    keys = np.frombuffer(halves, np.uint64).reshape(-1, 2)
    return first_equal(keys if rows is None or len(rows) == len(keys) else keys[rows])


class PassagePool(Sequence[PooledPassage]):
    """The passages in ``folder``, memory-mapped; no two have the same text."""

    def __init__(self, folder: Path) -> None:
        self._columns = [StoredStrings(folder, column) for column in _COLUMNS]
        self._pooled: Rows = np.load(folder / _POOLED, mmap_mode="r")
        self._copies: Rows = np.load(folder / _COPIES, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._pooled)

    @overload
    def __getitem__(self, index: int) -> PooledPassage: ...

    @overload
    def __getitem__(self, index: slice) -> list[PooledPassage]: ...

    def __getitem__(self, index: int | slice) -> PooledPassage | list[PooledPassage]:
        """Return the passage of a row, or the passages of a range of rows."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        return self._stored(int(self._pooled[index]))

    def copies(self, index: int) -> list[PooledPassage]:
        """Return later passages with the same text, in the order of the source."""
        start, end = np.searchsorted(self._copies[:, 0], [index, index + 1])
        return [self._stored(int(row)) for row in self._copies[start:end, 1]]

    def places(self) -> Iterator[tuple[int, PooledPassage]]:
        """Yield row and passage of every passage in the source, repeated texts included, in the order of the source."""
        rows = np.full(len(self._columns[0]), -1, np.int64)
        rows[self._pooled] = np.arange(len(self._pooled))
        rows[self._copies[:, 1]] = self._copies[:, 0]
        for stored in np.flatnonzero(rows >= 0).tolist():
            yield int(rows[stored]), self._stored(stored)

    def entries(self) -> Iterator[SearchEntry]:
        """Yield the passages as entries for an encoder; their ids break ties."""
        for row in range(len(self)):
            passage = self[row]
            yield SearchEntry(passage.id, passage.text)

    def _stored(self, row: int) -> PooledPassage:
        return PooledPassage(*(column[row] for column in self._columns))
