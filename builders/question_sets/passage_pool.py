"""A pool of passages or documents on disk: written once in the order of its sources, read by row number."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from nyxqa.builders.dedup.equal_keys import first_equal
from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.builders.row_files.row import row_number
from nyxqa.retriever.index.stored_strings import StoredStrings, StringWriter, ends_file
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.ids import doc_id

_COLUMNS = ("names", "external_ids", "titles", "texts")
_DETAILS = "details"  # JSON, in a pool of documents: what passages of a text pool do not have
_DETAIL_FIELDS = ("images", "url", "license", "language", "source", "origin")
_POOLED = "kept.npy"  # int64 [passages]: stored row of each passage of the pool
_COPIES = "copies.npy"  # int64 [copies, 2]: row in the pool and stored row of each passage with a repeated text

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PooledPassage:
    """A passage of a pool; equal contents have equal ids.

    :param name: Ledger name of the source row.
    :param external_id: The id in the source.
    :param images: Locators of the images, with captions.
    :param origin: Number of its source among those of the pool.
    """

    name: str
    external_id: str
    title: str
    text: str
    images: tuple[Mapping[str, Any], ...] = ()
    url: str | None = None
    license: str | None = None
    language: str | None = None
    source: str = ""
    origin: int = 0

    @cached_property
    def id(self) -> str:
        """The ``doc_id`` of text and images."""
        return doc_id(self.text, (image["image_id"] for image in self.images))


def write_pool(
    passages: Iterable[Passage | Drop], folder: Path, drop: Callable[[Drop], None], detailed: bool = False
) -> int:
    """Write the passages into ``folder`` and return the number of passages in the pool.

    Of passages with equal ids and of passages with equal content only the first is in the pool; later ones are dropped
    (``same_page``, ``same_content``), and the positions of repeated content are stored, so that a later source's id of
    it still leads there. Needs 64 bytes of memory for each passage.

    :param drop: Called with the ledger entry of every row that is not in the pool.
    :param detailed: Whether passages have images and fields of their own, which are stored too.
    """
    own_ids, texts = array("Q"), array("Q")
    _write(passages, folder, drop, (own_ids, texts), detailed)
    first = _first_places(own_ids)
    names = StoredStrings(folder, _COLUMNS[0])
    rows = np.arange(len(first))
    again = np.flatnonzero(first != rows)
    for row in again.tolist():
        drop(Drop("row", names[row], "", "same_page", f"the id of {names[int(first[row])]}"))
    keys = np.frombuffer(texts, np.uint64).reshape(-1, 2)
    whole = again[(keys[again] == keys[first[again]]).all(axis=1)] if detailed else again[:0]
    left = np.flatnonzero(first == rows)
    first_text = left[_first_places(texts, left)]
    copy = first_text != left
    for row, original in zip(left[copy].tolist(), first_text[copy].tolist(), strict=True):
        drop(Drop("row", names[row], "", "same_content", f"the text of {names[original]}"))
    pooled = left[~copy]
    place = np.full(len(first), -1, np.int64)
    place[left] = np.searchsorted(pooled, first_text)
    copied = np.concatenate([left[copy], whole])
    originals = np.concatenate([place[left[copy]], place[first[whole]]])
    copies = np.stack([originals, copied], axis=1)
    np.save(folder / _POOLED, pooled)
    np.save(folder / _COPIES, copies[np.lexsort((copies[:, 1], copies[:, 0]))])
    return len(pooled)


def _write(
    passages: Iterable[Passage | Drop],
    folder: Path,
    drop: Callable[[Drop], None],
    hashes: tuple[array[int], array[int]],
    detailed: bool,
) -> None:
    """Store all passages; a hash of 128 bits, as two numbers, of each id and each content is appended to ``hashes``."""
    own_ids, texts = hashes
    with ExitStack() as stack:
        columns = (*_COLUMNS, _DETAILS) if detailed else _COLUMNS
        writers = [stack.enter_context(StringWriter(folder, column)) for column in columns]
        for passage in passages:
            if isinstance(passage, Drop):
                drop(passage)
                continue
            values = [passage.name, passage.id, passage.title, passage.text]
            if detailed:
                values.append(json.dumps({name: getattr(passage, name) for name in _DETAIL_FIELDS}, sort_keys=True))
            for writer, value in zip(writers, values, strict=True):
                writer.append(value)
            own_ids.frombytes(hashlib.blake2b(passage.id.encode(), digest_size=16).digest())
            texts.frombytes(bytes.fromhex(doc_id(passage.text, (image["image_id"] for image in passage.images))))


def _first_places(halves: array[int], rows: Rows | None = None) -> Rows:
    """For each of ``rows`` (all if None) the first place among them with an equal key of two halves."""
    keys = np.frombuffer(halves, np.uint64).reshape(-1, 2)
    return first_equal(keys if rows is None or len(rows) == len(keys) else keys[rows])


class PassagePool(Sequence[PooledPassage]):
    """The passages in ``folder``, memory-mapped; no two have the same content. Its images are in packs beside them."""

    def __init__(self, folder: Path) -> None:
        self._columns = [StoredStrings(folder, column) for column in _COLUMNS]
        detailed = ends_file(folder, _DETAILS).exists()
        self._details = StoredStrings(folder, _DETAILS) if detailed else None
        self._pooled: Rows = np.load(folder / _POOLED, mmap_mode="r")
        self._copies: Rows = np.load(folder / _COPIES, mmap_mode="r")
        self.packs = PackReader(folder)

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
        """Return later passages with the same content and another id, in the order of the source."""
        own = self[index].external_id
        start, end = np.searchsorted(self._copies[:, 0], [index, index + 1])
        found = (self._stored(int(row)) for row in self._copies[start:end, 1])
        return [one for one in found if one.external_id != own]

    def places(self) -> Iterator[tuple[int, PooledPassage]]:
        """Yield row and passage of every passage in the source, repeated texts included, in the order of the source."""
        rows = np.full(len(self._columns[0]), -1, np.int64)
        rows[self._pooled] = np.arange(len(self._pooled))
        rows[self._copies[:, 1]] = self._copies[:, 0]
        for stored in np.flatnonzero(rows >= 0).tolist():
            yield int(rows[stored]), self._stored(stored)

    def entries(self, images: bool = False) -> Iterator[SearchEntry]:
        """Yield the passages as entries for an encoder; their ids break ties.

        :param images: Whether to read the bytes of their images.
        """
        for row in range(len(self)):
            passage = self[row]
            captions = tuple(image["caption"] for image in passage.images)
            data = self.image_bytes(passage) if images else ()
            source_row = -1 if self._details is not None else row_number(passage.name)
            yield SearchEntry(passage.id, passage.text, captions, data, row=source_row)

    def lengths(self) -> Iterator[tuple[int, int]]:
        """Yield the bytes of text and of images of every passage."""
        texts = self._columns[_COLUMNS.index("texts")].lengths()
        for row in self._pooled.tolist():
            images = () if self._details is None else json.loads(self._details[row])["images"]
            yield int(texts[row]), sum(image["length"] for image in images)

    def image_bytes(self, passage: PooledPassage) -> tuple[bytes, ...]:
        """The bytes of the images of a passage."""
        return tuple(self.packs.read(image) for image in passage.images)

    def _stored(self, row: int) -> PooledPassage:
        name, external_id, title, text = (column[row] for column in self._columns)
        if self._details is None:
            return PooledPassage(name, external_id, title, text)
        details = json.loads(self._details[row])
        return PooledPassage(name, external_id, title, text, **{**details, "images": tuple(details["images"])})
