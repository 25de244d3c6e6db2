"""The dataset that is looked at: its tables as views for queries, and its rows and images by id."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nyxqa.builders.browse.table_reader import TableReader
from nyxqa.builders.report.locked_views import LockedViews
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.tables import QA_SPLITS, TABLES

Row = dict[str, Any]
_KEYS = {"corpus": "doc_id", "qa": "qa_id", "triplets": "query_id"}
_IMAGES = {"corpus": "images", "qa": "images", "triplets": "query_images"}


@dataclass(frozen=True)
class Document:
    """A document of a triplet.

    :param row: Its columns in ``corpus``, without images; empty if the corpus lacks it.
    """

    doc_id: str
    pool: str
    row: Mapping[str, Any]

    @property
    def images(self) -> list[str]:
        """Paths of its images, as ``/image/ID`` with where they are."""
        where = f"pool={self.pool}&doc={self.doc_id}"
        return [f"/image/{image}?{where}" for image in self.row.get("image_ids", ())]


class BrowsedDataset:
    """One dataset, open as long as the server runs.

    :param path: Its folder.
    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.published: Published = open_published(path)
        self.views = LockedViews(self.published)
        self._readers: dict[tuple[str, str], TableReader] = {}
        self._turn = threading.RLock()

    def close(self) -> None:
        """Close the database."""
        self.views.close()

    @cached_property
    def splits(self) -> list[str]:
        """Splits with triplets."""
        there = self.published.manifest.splits("triplets")
        return [split for split in QA_SPLITS if split in there]

    @cached_property
    def pools(self) -> list[str]:
        """Pools with documents."""
        return self.published.manifest.splits("corpus")

    def count(self, table: str, split: str) -> int:
        """Number of rows of one split."""
        manifest = self.published.manifest
        return sum(manifest.files[path].rows for path in manifest.paths(table, split))

    def reader(self, table: str, split: str) -> TableReader:
        """Rows of one split of a table."""
        with self._turn:
            if (table, split) not in self._readers:
                files = self.published.files(table, split)
                self._readers[table, split] = TableReader(TABLES[table], files, _KEYS[table])
            return self._readers[table, split]

    def row(self, table: str, split: str, identifier: str) -> Row | None:
        """One row without its images; None if there is none with that id."""
        with self._turn:
            reader = self.reader(table, split)
            number = reader.find(identifier)
            return None if number < 0 else reader[number]

    def triplet(self, query_id: str) -> tuple[str, Row] | None:
        """Split and row of the triplet with that id."""
        for split in self.splits:
            if (row := self.row("triplets", split, query_id)) is not None:
                return split, row
        return None

    def numbered(self, table: str, split: str, numbers: Sequence[int]) -> Iterator[Row]:
        """Rows of those numbers."""
        with self._turn:
            reader = self.reader(table, split)
            yield from (reader[number] for number in numbers)

    def document(self, pool: str, doc_id: str) -> Document:
        """A document, sought in its pool and then in the others: equal ids mean equal content."""
        for name in sorted(self.pools, key=lambda one: one != pool):
            if (row := self.row("corpus", name, doc_id)) is not None:
                return Document(doc_id, name, row)
        return Document(doc_id, pool, {})

    def image(self, image_id: str, table: str, split: str, identifier: str) -> bytes | None:
        """The bytes of an image of the row of that id; None if the row does not hold it, or its address alone."""
        column = _IMAGES[table]
        ids = "query_image_ids" if table == "triplets" else "image_ids"
        with self._turn:
            reader = self.reader(table, split)
            number = reader.find(identifier)
            if number < 0 or image_id not in (held := reader[number][ids]):
                return None
            return reader.image(number, column, held.index(image_id))

    def place_of_image(self, image_id: str) -> tuple[str, str, str]:
        """Table, split and id of a row that holds an image; empty texts if there is none."""
        for table, key in _KEYS.items():
            split = "pool" if table == "corpus" else "split"
            ids = "query_image_ids" if table == "triplets" else "image_ids"
            query = f"SELECT {split} AS split, {key} AS id FROM {table} WHERE list_contains({ids}, ?) LIMIT 1"
            if (found := self.views.first(query, [image_id])) is not None:
                return table, found["split"], found["id"]
        return "", "", ""
