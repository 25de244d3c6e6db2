"""Joining on access: the format transform that puts contents where a joined row holds references."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa

from nyxqa.schemas.arrow_copy import Layout, id_table
from nyxqa.schemas.content import check_content
from nyxqa.schemas.contents import Contents
from nyxqa.schemas.errors import ContentError, FormatError, LawError
from nyxqa.schemas.fetching import fetch_image
from nyxqa.schemas.lookup import IdTable
from nyxqa.schemas.published import Published

ImagesMode = Literal["decode", "bytes", "none"]
Side = dict[str, Any]

_SIDES = ("query", "positive", "document")
_SIDE_LISTS = ("negatives", "candidates")
_CUT = ("negatives", "negative_ids", "negative_ranks", "negative_scores")
_KEYS = ("query_id", "qa_id")


@dataclass(frozen=True)
class Reference:
    """A document as a row names it.

    :param pool: Pool of the row, searched first; every other pool holds equal content under an equal id.
    :param row: Name of the row, for errors.
    """

    doc_id: str
    pool: str | None
    row: str


class Documents:
    """Contents of documents and of queries with images, looked up in mapped files.

    Copies in other processes open the files anew; nothing grows with the number of rows read.

    :param published: The dataset.
    :param images: How images are given.
    :param pools: Pools that are open already.
    """

    def __init__(
        self, published: Published, images: ImagesMode, pools: Mapping[str, IdTable | None] | None = None
    ) -> None:
        self.published = published
        self.images = images
        self._pools = dict(pools or {})
        self._contents: dict[str, Contents] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Documents, (self.published, self.images, self._pools)

    def pool(self, name: str) -> IdTable | None:
        """The documents of one pool; None for a pool without files. The first call may have to copy it."""
        if name not in self._pools:
            layout = Layout(joined=False, with_bytes=self.images != "none")
            self._pools[name] = id_table(self.published, "corpus", name, layout, "doc_id")
        return self._pools[name]

    def find(self, references: Sequence[Reference]) -> list[Side]:
        """``{"text", "images"}`` of each document.

        :raises LawError: If no pool holds one of them, naming row and id.
        """
        sides: list[Side | None] = [None] * len(references)
        for pool in dict.fromkeys(reference.pool for reference in references):
            wanted = [i for i, reference in enumerate(references) if reference.pool == pool]
            for name in self._order(pool):
                documents = self.pool(name) if wanted else None
                if documents is None:
                    continue
                rows = documents.rows([references[i].doc_id for i in wanted])
                for i, row in zip(wanted, rows.tolist(), strict=True):
                    if row >= 0:
                        sides[i] = self._document(name, documents.table, row, references[i].doc_id)
                wanted = [i for i in wanted if sides[i] is None]
            if wanted:
                lost = references[wanted[0]]
                raise LawError(f"row {lost.row}: document {lost.doc_id} is in no pool of the corpus")
        return [side for side in sides if side is not None]

    def query_images(self, query_id: str) -> list[Any]:
        """Images of the query of a train triplet.

        :raises LawError: If there is no such triplet.
        """
        triplets = self._triplets
        row = int(triplets.rows([query_id])[0]) if triplets is not None else -1
        if triplets is None or row < 0:
            raise LawError(f"row {query_id}: there is no such query_id in triplets/train")
        return self._images(triplets.table.column("query")[row]["images"], f"query {query_id}")

    @cached_property
    def _triplets(self) -> IdTable | None:
        layout = Layout(joined=True, with_bytes=self.images != "none")
        return id_table(self.published, "triplets", "train", layout, "query_id")

    @cached_property
    def _pool_names(self) -> list[str]:
        return self.published.manifest.splits("corpus")

    def _order(self, pool: str | None) -> list[str]:
        return sorted(self._pool_names, key=lambda name: name != pool)

    def _document(self, pool: str, table: pa.Table, row: int, doc_id: str) -> Side:
        contents = self._contents.get(pool)
        if contents is None:
            contents = Contents(table, "images" if self.images != "none" else "image_ids")
            self._contents[pool] = contents
        text, images = contents(row)
        what = f"document {doc_id}"
        if self.images == "decode":
            images = [open_image(io.BytesIO(one), what) for one in images]
        return side(text, images, what)

    def _images(self, stored: pa.ListScalar, what: str) -> list[Any]:
        if self.images == "none":
            return list(stored.as_py())
        if not len(stored):
            return []
        data = stored_bytes(stored)
        return data if self.images == "bytes" else [open_image(io.BytesIO(one), what) for one in data]


def stored_bytes(stored: pa.ListScalar) -> list[bytes]:
    """Encoded images of one row; those published by address are fetched.

    :raises WorldError: If one cannot be fetched.
    """
    data = stored.values.field("bytes").to_pylist()
    paths = stored.values.field("path").to_pylist()
    return [fetch_image(path) if one is None else one for one, path in zip(data, paths, strict=True)]


def side(text: str, images: list[Any], what: str) -> Side:
    """One side of a joined row, held against the law of content.

    :raises LawError: Naming what breaks it.
    """
    try:
        check_content(text, len(images))
    except ContentError as error:
        raise LawError(f"{what}: {error}") from error
    return {"text": text, "images": images}


def open_image(stream: Any, what: str) -> Any:
    """A picture whose header is read now and whose pixels are decoded when they are first asked for.

    :raises FormatError: If the bytes are no picture.
    """
    import PIL.Image

    try:
        return PIL.Image.open(stream)
    except (OSError, ValueError) as error:
        raise FormatError(f"{what}: an image cannot be decoded: {error}") from error


def fetched_images(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Stored columns with every image, however deep, as a picture, fetched where only its address is there.

    :raises WorldError: If one cannot be fetched.
    """
    return {name: _opened(column) for name, column in batch.items()}


def _opened(value: Any) -> Any:
    if isinstance(value, list):
        return [_opened(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"bytes", "path"}:
        return open_image(io.BytesIO(_bytes_of(value)), value["path"] or "an image")
    return {name: _opened(item) for name, item in value.items()}


class Joiner:
    """The transform: a batch as the joined layout stores it in, a batch of joined rows out.

    A value that is no reference is passed on, so rows that ``map`` has written are read like any others.

    :param table: Name of the table, for errors.
    :param documents: Where contents are looked up.
    :param max_negatives: How many negatives a row keeps; all if None.
    """

    def __init__(self, table: str, documents: Documents, max_negatives: int | None) -> None:
        self.table = table
        self.documents = documents
        self.max_negatives = max_negatives

    def __reduce__(self) -> tuple[Any, ...]:
        return Joiner, (self.table, self.documents, self.max_negatives)

    def __deepcopy__(self, memo: dict[int, Any]) -> Joiner:
        return self

    def __call__(self, batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """The joined columns; each needs no other column, so any of them may have been removed."""
        rows = self._row_names(batch)
        out: dict[str, list[Any]] = {}
        for name, stored in batch.items():
            values = [self._cut(value) for value in stored] if name in _CUT else stored
            if name in _SIDES:
                out[name] = self._joined(values, rows)
            elif name in _SIDE_LISTS:
                out[name] = self._joined_lists(values, rows)
            elif name == "images":
                out[name] = [self._own_images(value, row) for value, row in zip(values, rows, strict=True)]
            else:
                out[name] = values
        return out

    def _row_names(self, batch: Mapping[str, list[Any]]) -> list[str]:
        key = next((key for key in _KEYS if key in batch), None)
        if key is not None:
            return [f"{self.table}/{value}" for value in batch[key]]
        return [f"of {self.table}"] * len(next(iter(batch.values()), []))

    def _cut(self, value: Any) -> Any:
        return value[: self.max_negatives] if isinstance(value, list) else value

    def _joined_lists(self, values: list[Any], rows: list[str]) -> list[Any]:
        lists = [value if isinstance(value, list) else [] for value in values]
        names = [row for listed, row in zip(lists, rows, strict=True) for _ in listed]
        flat = iter(self._joined([item for listed in lists for item in listed], names))
        joined = [[next(flat) for _ in listed] for listed in lists]
        return [new if isinstance(value, list) else value for new, value in zip(joined, values, strict=True)]

    def _joined(self, values: list[Any], rows: list[str]) -> list[Any]:
        named = [i for i, value in enumerate(values) if _is_reference(value)]
        references = [Reference(values[i]["doc_id"], values[i]["pool"], rows[i]) for i in named]
        found = dict(zip(named, self.documents.find(references), strict=True))
        return [
            {**found[i], **_further(value)} if i in found else self._present(value, rows[i])
            for i, value in enumerate(values)
        ]

    def _present(self, value: Any, row: str) -> Any:
        """A side whose text is there; images of a query may still have to be fetched."""
        if not isinstance(value, dict) or "text" not in value or value["text"] is None:
            return value
        if value["images"] is None and "query_id" in value:
            images = self.documents.query_images(value["query_id"])
        else:
            images = self._own_images(value["images"], row)
        return {**side(value["text"], images, f"row {row}"), **_further(value)}

    def _own_images(self, images: list[Any] | None, row: str) -> list[Any]:
        mode = self.documents.images
        stored = [_bytes_of(image) if isinstance(image, dict) else image for image in images or []]
        if mode != "decode":
            return stored
        return [open_image(io.BytesIO(one), f"row {row}") if isinstance(one, bytes) else one for one in stored]


def _bytes_of(image: Mapping[str, Any]) -> Any:
    """Bytes of a stored image, fetched if only its address is there."""
    if image["bytes"] is None and image["path"]:
        return fetch_image(image["path"])
    return image["bytes"]


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.get("doc_id") is not None and value.get("text") is None


def _further(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a candidate carries besides its content: id, rank and scores."""
    if "rank" not in value:
        return {}
    return {name: item for name, item in value.items() if name not in ("text", "images", "pool")}
