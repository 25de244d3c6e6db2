"""The dataset that is looked at: tables as views, rows and images by id, and conditions on triplets that have names."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nyxqa.builders.browse.table_reader import TableReader
from nyxqa.builders.report.locked_views import LockedViews
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.sql import string_list
from nyxqa.schemas.tables import QA_SPLITS, TABLES

Row = dict[str, Any]
_KEYS = {"corpus": "doc_id", "qa": "qa_id", "triplets": "query_id"}
_IMAGES = {"corpus": "images", "qa": "images", "triplets": "query_images"}

_POSITIVE = "list_filter(positives, lambda one: one.doc_id = positive_id)[1]"
_SCORE = f"{_POSITIVE}.score"
_RANK = f"{_POSITIVE}.rank"
# The score of the positive less that of its best negative.
GAP = f"({_SCORE} - negative_scores[1])"
NEAR = 0.05  # of the positive's score


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


def _words(text: str) -> str:
    """SQL for the words of ``text`` in lower case, one blank around each."""
    return rf"(' ' || trim(regexp_replace(lower({text}), '[^\p{{L}}\p{{N}}]+', ' ', 'g')) || ' ')"


def holding(few: str = "true") -> str:
    """A query for the ids of triplets in a negative of which an accepted answer occurs as whole words.

    :param few: SQL condition of the triplets that are looked at.
    """
    text, form = _words("text || ' ' || array_to_string(captions, ' ')"), _words("form")
    return f"""
WITH pair AS MATERIALIZED (
    SELECT query_id, pool, unnest(negative_ids) AS doc_id,
           list_filter(list_transform(answers, lambda form: {form}), lambda form: trim(form) <> '') AS forms
    FROM triplets WHERE {few}),
document AS MATERIALIZED (
    SELECT pool, doc_id, {text} AS words FROM corpus WHERE doc_id IN (SELECT doc_id FROM pair))
SELECT DISTINCT query_id FROM pair JOIN document USING (pool, doc_id)
WHERE len(list_filter(forms, lambda form: contains(words, form))) > 0
"""


PRESETS = {
    "negative_holds_answer": f"query_id IN ({holding()})",
    "small_gap": f"{GAP} < {NEAR} * abs({_SCORE})",
    "no_negative": "len(negative_ids) = 0",
    "positive_not_first": f"{_RANK} > 1",
    "disagreed": "query_id IN {disagreed}",
}
MEANINGS = {
    "negative_holds_answer": "an accepted answer stands in a negative",
    "small_gap": f"the best negative scores within {NEAR:.0%} of the positive",
    "no_negative": "no negative was found",
    "positive_not_first": "the miner ranked another document before the positive",
    "disagreed": "reviewers contradict each other",
}
# On which the miner or a judge contradicts the source of the positive; cheap to find in any number of rows.
SUSPECT = (
    f"({PRESETS['small_gap']} OR {PRESETS['positive_not_first']} OR len(negative_ids) = 0 "
    "OR len(list_filter(positives, lambda one: one.origin = 'judged')) > 0)"
)
SORTS = {
    "": "0",
    "gap": f"coalesce({GAP}, 1e30)",
    "rank": f"-coalesce({_RANK}, 0)",
    "negatives": "len(negative_ids)",
    "reviews": "-reviews",
}


def condition(where: str, disagreed: Iterable[str] = ()) -> str:
    """The SQL behind ``where``: a preset by its name, else a condition over the columns of ``triplets``."""
    name = where.strip()
    if name in PRESETS:
        listed = string_list(disagreed)
        return PRESETS[name].replace("{disagreed}", f"(SELECT unnest({listed}::VARCHAR[]))")
    return f"(\n{name}\n)" if name else "true"
