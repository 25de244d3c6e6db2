"""The documents that questions are searched in, as an index and a model read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.qa.keys import text_key
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.vlm.protocol import VlmDocument, VlmImage
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import Content
from nyxqa.schemas.ids import page_id_of_passage
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.joined_content import list_bytes

_SHARED_KEYS = ("doc_id", "page_id", "cluster")
_BATCH = 64


class Pool(Protocol):
    """Documents by their row in the index."""

    def entries(self, images: bool) -> Iterator[SearchEntry]:
        """All documents, in the order of the index.

        :param images: Whether to load the bytes of their images.
        """
        ...

    def shared_keys(self, row: int) -> dict[str, str]:
        """``doc_id``, ``page_id``, ``cluster`` and ``key`` of a document: equal ones mark equal content."""
        ...

    def source(self, row: int) -> VlmDocument:
        """A document as a model reads it."""
        ...

    def origin(self, row: int) -> Origin:
        """Where a document comes from."""
        ...


class Origin(NamedTuple):
    """Source of a document and its id there."""

    source: str
    external_id: str


@dataclass(frozen=True)
class PublishedPool:
    """Documents of a published pool.

    :param table: All documents of the pool.
    :param places: Rows of those that are searched, int64, ascending.
    """

    table: IdTable
    places: npt.NDArray[np.int64]

    def entries(self, images: bool) -> Iterator[SearchEntry]:
        """Text, captions and, if ``images``, their bytes."""
        columns = ["doc_id", "text", "captions", *(["images"] if images else [])]
        table = self.table.table.select(columns)
        for start in range(0, len(self.places), _BATCH):
            for place in self.places[start : start + _BATCH].tolist():
                row = {name: table.column(name)[place] for name in columns}
                found = tuple(list_bytes(row["images"])) if images else ()
                yield SearchEntry(row["doc_id"].as_py(), row["text"].as_py(), tuple(row["captions"].as_py()), found)

    def shared_keys(self, row: int) -> dict[str, str]:
        """As in ``Pool``."""
        return shared_keys_at(self.table, int(self.places[row]))

    def origin(self, row: int) -> Origin:
        """As in ``Pool``."""
        place = int(self.places[row])
        source, own = (self.table.table.column(name)[place].as_py() for name in ("source", "external_id"))
        return Origin(source, own or "")

    def source(self, row: int) -> VlmDocument:
        """As in ``Pool``."""
        table, place = self.table.table, int(self.places[row])
        text, title = table.column("text")[place].as_py(), table.column("title")[place].as_py()
        pictures = pictures_of(
            table.column("images")[place],
            table.column("image_ids")[place].as_py(),
            table.column("captions")[place].as_py(),
        )
        language = table.column("language")[place].as_py()
        return VlmDocument(
            table.column("doc_id")[place].as_py(), Content(text, pictures), _title(title, text), language
        )


@dataclass(frozen=True)
class PassagesPool:
    """All passages of a question set, also those that no table holds.

    :param name: Name of the pool.
    """

    name: str
    passages: PassagePool

    def entries(self, images: bool) -> Iterator[SearchEntry]:
        """Text, captions and, if ``images``, their bytes."""
        return self.passages.entries(images)

    def shared_keys(self, row: int) -> dict[str, str]:
        """As in ``Pool``; outside pool ``web`` each document is its own cluster."""
        passage = self.passages[row]
        page = page_id_of_passage(self.name, passage.external_id)
        return {"doc_id": passage.id, "page_id": page, "cluster": passage.id, "key": text_key(passage.text)}

    def origin(self, row: int) -> Origin:
        """As in ``Pool``."""
        passage = self.passages[row]
        return Origin(passage.source, passage.external_id)

    def source(self, row: int) -> VlmDocument:
        """As in ``Pool``."""
        passage = self.passages[row]
        pictures = tuple(
            VlmImage(image["image_id"], image["caption"], self.passages.packs.read(image)) for image in passage.images
        )
        title = _title(passage.title, passage.text)
        return VlmDocument(passage.id, Content(passage.text, pictures), title, passage.language)


def shared_keys_at(table: IdTable, place: int) -> dict[str, str]:
    """``doc_id``, ``page_id``, ``cluster`` and ``key`` of a published document."""
    keys = {name: table.table.column(name)[place].as_py() for name in _SHARED_KEYS}
    return {**keys, "key": text_key(table.table.column("text")[place].as_py())}


def pictures_of(images: pa.ListScalar, ids: list[str], captions: list[str]) -> tuple[VlmImage, ...]:
    """Stored images as a model receives them."""
    return tuple(map(VlmImage, ids, captions, list_bytes(images))) if ids else ()


def rows_where(table: IdTable, column: str, value: str) -> npt.NDArray[np.int64]:
    """Rows whose ``column`` is ``value``, int64, ascending."""
    rows: npt.NDArray[np.int64] = np.flatnonzero(
        pc.equal(table.table.column(column), value).to_numpy(zero_copy_only=False)
    )
    return rows


def named_rows(table: IdTable, ids: Mapping[str, object]) -> npt.NDArray[np.int64]:
    """Rows of the documents of these ids, int64, ascending."""
    rows = table.rows(list(ids))
    return np.sort(rows[rows >= 0])


def _title(title: str | None, text: str) -> str | None:
    """The title, unless the text begins with it, as passages do."""
    return None if not title or title in text.partition("\n")[0] else title
