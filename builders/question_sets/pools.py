"""The documents that questions are searched in, as an index and a model read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.qa.keys import text_key
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.row_source import PASSAGES, kind_of_source, source_state
from nyxqa.builders.vlm.protocol import VlmDocument, VlmImage
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.content import Content
from nyxqa.schemas.ids import page_id_of_passage
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.joined_content import list_bytes
from nyxqa.schemas.recipe import QaSet, Recipe

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


@dataclass(frozen=True)
class PoolSource:
    """One source of the documents of a pool.

    :param spec: As the recipe names it.
    :param mixed: Whether it is a corpus of a ``[[qa]]`` set; else passages of a ``[[text]]`` set.
    :param license: Licence of documents that state none.
    """

    spec: str
    mixed: bool
    license: str | None

    @property
    def kind(self) -> str:
        """Kind of its reader; value of column ``source``."""
        return open_mixed(self.spec).kind if self.mixed else kind_of_source(self.spec)

    def state(self) -> Any:
        """What identifies its content, as JSON types."""
        return open_mixed(self.spec).state() if self.mixed else source_state(self.spec, PASSAGES)


@dataclass(frozen=True)
class PoolPlan:
    """The sources of one pool, and what of it is published.

    :param whole: Whether all documents are published, not only those that rows refer to.
    """

    name: str
    sources: tuple[PoolSource, ...]
    whole: bool

    @property
    def is_text(self) -> bool:
        """Whether it is one source of passages, which have neither images nor fields of their own."""
        return len(self.sources) == 1 and not self.sources[0].mixed

    def origins(self, section: QaSet) -> list[int]:
        """Numbers of the sources that are a section's own."""
        return [number for number, source in enumerate(self.sources) if source.mixed and source.spec in section.corpora]


def pool_plans(recipe: Recipe) -> list[PoolPlan]:
    """The pools of all question sets: passages first, then corpora, each source once."""
    sources: dict[str, dict[tuple[bool, str], PoolSource]] = {}
    whole: set[str] = set()
    for text in recipe.text:
        key = (False, text.passages)
        sources.setdefault(pool_of(text), {}).setdefault(key, PoolSource(text.passages, False, text.license))
        if text.keep == "all":
            whole.add(pool_of(text))
    for section in recipe.qa:
        for spec in section.corpora:
            own = PoolSource(spec, True, section.license)
            sources.setdefault(pool_of(section), {}).setdefault((True, spec), own)
        if section.keep == "all":
            whole.add(pool_of(section))
    return [PoolPlan(name, tuple(found.values()), name in whole) for name, found in sources.items()]
