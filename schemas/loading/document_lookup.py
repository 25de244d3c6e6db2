"""Look up the text and images of documents by id, over all pools."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from nyxqa.schemas.content import check_content
from nyxqa.schemas.errors import ContentError, LawError, WorldError
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.image_fetch import fetch_image
from nyxqa.schemas.loading.joined_content import ImagesMode, JoinedContent, list_bytes, open_image
from nyxqa.schemas.loading.published import Published

# The C library hands freed memory back to the system unless a block of its own was once given back whole; from then on
# it keeps up to twice that block's size. Without, every batch of images is copied into pages that are new to the
# process, which takes five times as long as the copy. NumPy's and torch's own arrays often have the same effect.
_KEPT_BYTES = 16 * 2**20


class DocumentLookup:
    """Contents of documents and of queries with images, looked up in mapped files.

    Copies in other processes open the files again; nothing grows with the number of rows read.

    :param published: The dataset.
    :param images: How images are given.
    :param pools: Pools that are open already.
    :param others: Lookups of other datasets, which are asked for what this one lacks.
    """

    def __init__(
        self,
        published: Published,
        images: ImagesMode,
        pools: Mapping[str, IdTable | None] | None = None,
        others: Sequence[DocumentLookup] = (),
    ) -> None:
        self.others = tuple(others)
        self.published = published
        self.images = images
        self._pools = dict(pools or {})
        self._contents: dict[str, DocumentReader] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return DocumentLookup, (self.published, self.images, self._pools, self.others)

    def same_dataset(self, other: DocumentLookup) -> bool:
        """Whether both look into the same files, and nowhere else."""
        mine, theirs = self.published, other.published
        same = mine is theirs or (mine.folder == theirs.folder and mine.manifest.files == theirs.manifest.files)
        return same and not self.others and not other.others

    def with_others(self, others: Sequence[DocumentLookup]) -> DocumentLookup:
        """A lookup that also asks ``others``; equal ids mean equal content, whatever the dataset."""
        return DocumentLookup(self.published, self.images, self._pools, (*self.others, *others))

    def pool(self, name: str) -> IdTable | None:
        """The documents of one pool; None for a pool without files. The first call may have to copy it."""
        if name not in self._pools:
            layout = Layout(joined=False, with_bytes=self.images != "none")
            self._pools[name] = id_table(self.published, "corpus", name, layout, "doc_id")
        return self._pools[name]

    def find(
        self, doc_ids: Sequence[str], pools: Sequence[str | None], row_of: Callable[[int], str]
    ) -> Iterator[JoinedContent]:
        """``{"text", "images"}`` of each document; all are looked up at once, each is read on iteration.

        :param pools: For each document the pool that is searched first; equal ids have equal content in every pool.
        :param row_of: From a position to the row that names that document, for errors.
        :raises LawError: If no pool holds one of them; the message names row and id.
        """
        places = self._places(doc_ids, pools)
        for other in self.others:
            lacking = [i for i, place in enumerate(places) if place is None]
            if lacking:
                there = other._places([doc_ids[i] for i in lacking], [pools[i] for i in lacking])
                for i, place in zip(lacking, there, strict=True):
                    places[i] = place
        for i, place in enumerate(places):
            if place is None:
                raise LawError(f"row {row_of(i)}: document {doc_ids[i]} is in no pool of the corpus")
            contents, row = place
            yield contents(row)

    def _places(self, doc_ids: Sequence[str], pools: Sequence[str | None]) -> list[tuple[DocumentReader, int] | None]:
        """Reader and row of each document; None for one that no pool holds."""
        places: list[tuple[DocumentReader, int] | None] = [None] * len(doc_ids)
        for pool in dict.fromkeys(pools):
            wanted = [i for i, one in enumerate(pools) if one == pool]
            for name in self._order(pool):
                if not wanted:
                    break
                documents = self.pool(name)
                if documents is None:
                    continue
                contents = self._of(name, documents)
                for i, row in zip(wanted, documents.rows([doc_ids[i] for i in wanted]).tolist(), strict=True):
                    if row >= 0:
                        places[i] = contents, row
                wanted = [i for i in wanted if places[i] is None]
        return places

    def _of(self, pool: str, documents: IdTable) -> DocumentReader:
        contents = self._contents.get(pool)
        if contents is None:
            contents = self._contents[pool] = DocumentReader(documents.table, self.images)
        return contents

    def query_images(self, query_id: str) -> list[Any]:
        """Images of the query of a train triplet, or of a train question without one.

        :raises LawError: If there is neither.
        """
        triplets = self._triplets
        row = int(triplets.rows([query_id])[0]) if triplets is not None else -1
        if triplets is not None and row >= 0:
            return self._images(triplets.table.column("query")[row]["images"], f"query {query_id}")
        questions = self._questions
        row = int(questions.rows([query_id])[0]) if questions is not None else -1
        if questions is None or row < 0:
            raise LawError(f"row {query_id}: its query_id is not in triplets/train")
        column = "image_ids" if self.images == "none" else "images"
        return self._images(questions.table.column(column)[row], f"query {query_id}")

    @cached_property
    def _questions(self) -> IdTable | None:
        layout = Layout(joined=False, with_bytes=self.images != "none")
        return id_table(self.published, "qa", "train", layout, "qa_id")

    @cached_property
    def _triplets(self) -> IdTable | None:
        layout = Layout(joined=True, with_bytes=self.images != "none")
        return id_table(self.published, "triplets", "train", layout, "query_id")

    @cached_property
    def _pool_names(self) -> list[str]:
        return self.published.manifest.splits("corpus")

    def _order(self, pool: str | None) -> list[str]:
        return sorted(self._pool_names, key=lambda name: name != pool)

    def _images(self, stored: pa.ListScalar, what: str) -> list[Any]:
        if self.images == "none":
            return list(stored.as_py())
        if not len(stored):
            return []
        data = list_bytes(stored)
        return data if self.images == "bytes" else [open_image(one, what) for one in data]


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
