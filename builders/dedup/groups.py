"""Groups: pages that must share a split because they share a document, a cluster, or near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.homes import Pages
from nyxqa.builders.dedup.leaks import links_between
from nyxqa.builders.dedup.union_find import Components
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.database import arrow, database
from nyxqa.builders.engine.step import StepOutput
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

Ints = npt.NDArray[np.integer[Any]]

_NAMES = 1 << 12  # names in memory at a time

# Pages numbered by id, so that the smallest number of a group is its smallest page_id.
_PAGES = """
CREATE TABLE document AS SELECT doc_id, page_id, cluster, also_at, kind, n_tokens FROM read_parquet({files});
CREATE TABLE page AS SELECT row_number() OVER (ORDER BY page_id) - 1 AS page, page_id FROM (
    SELECT page_id FROM document UNION SELECT unnest(also_at).page_id FROM document);
"""

# A page and another of its group: a page that holds a copy of its document, and the first page of its cluster.
_EDGES = """
SELECT a.page AS left, b.page AS right FROM (
    SELECT page_id, unnest(also_at).page_id AS other FROM document
    UNION ALL SELECT page_id, min(page_id) OVER (PARTITION BY cluster) AS other FROM document) edge
JOIN page a USING (page_id) JOIN page b ON b.page_id = edge.other WHERE a.page <> b.page
"""

_LINKS = """
SELECT p.page AS left, q.page AS right FROM link
JOIN document a ON a.doc_id = link.a JOIN document b ON b.doc_id = link.b
JOIN page p ON p.page_id = a.page_id JOIN page q ON q.page_id = b.page_id
"""

_SIZES = """
SELECT label, count(*) AS pages, coalesce(sum(documents), 0)::BIGINT AS documents
FROM labelled LEFT JOIN (SELECT page_id, count(*) AS documents FROM document GROUP BY page_id) USING (page_id)
GROUP BY label ORDER BY label
"""
_SEEDS = """
SELECT label, count(*) FILTER (kind = 'text') AS text, count(*) FILTER (kind = 'single') AS single,
       count(*) FILTER (kind = 'multi') AS multi
FROM labelled LEFT JOIN (SELECT page_id, kind FROM document WHERE n_tokens >= $least) USING (page_id)
GROUP BY label ORDER BY label
"""


@dataclass(frozen=True)
class Groups:
    """All groups, in the order of their names.

    :param pages: ``page_id`` and ``group`` (its smallest page_id) of every page.
    :param names: Name of each group.
    :param sizes: int64 [groups, 2]: pages and documents of each group.
    :param seeds: int64 [groups, 3]: text, single and multi documents of each group that can become seeds.
    """

    pages: pa.Table
    names: pa.Array
    sizes: I64
    seeds: I64

    def all_names(self) -> Iterator[str]:
        """Name of each group."""
        yield from self.names.to_pylist()


class NumberedGroups:
    """Groups of numbered pages, in the order of their names; 28 bytes for each page in memory.

    :param pages: All pages.
    :param near: Rows of PAIRS: near-duplicates across the labels of ``pages``.
    """

    def __init__(self, pages: Pages, near: StepOutput) -> None:
        self._ids = pages.ids
        components = Components(len(pages.labels))
        for file in near.files():
            sides = pq.read_table(file, columns=["side_a", "side_b"])
            components.join(*(sides[name].to_numpy() for name in ("side_a", "side_b")))
        labels = components.roots(pages.labels)
        self._firsts = np.flatnonzero(labels == np.arange(len(labels))).astype(np.int32)
        # Index of the group of each page, int32 [pages].
        self.of_page = np.searchsorted(self._firsts, labels.astype(np.int32)).astype(np.int32)
        self.sizes = np.zeros((len(self._firsts), 2), np.int32)
        self.sizes[:, 0] = np.bincount(self.of_page, minlength=len(self._firsts))
        self.seeds = np.zeros((len(self._firsts), len(KINDS)), np.int32)

    def count(self, pages: Ints, documents: pa.Table, min_tokens: int) -> None:
        """Count the documents of one file.

        :param pages: Number of the page of each.
        :param documents: ``kind`` and ``n_tokens``.
        """
        groups = self.of_page[pages]
        np.add.at(self.sizes[:, 1], groups, 1)
        kinds = pc.index_in(documents["kind"], pa.array(KINDS)).to_numpy()
        seeds = np.flatnonzero(documents["n_tokens"].to_numpy() >= min_tokens)
        np.add.at(self.seeds, (groups[seeds], kinds[seeds]), 1)

    def all_names(self) -> Iterator[str]:
        """Name of each group."""
        for start in range(0, len(self._firsts), _NAMES):
            for name in self._ids[self._firsts[start : start + _NAMES]].tolist():
                yield name.decode()

    def names_of(self, pages: Ints) -> pa.Array:
        """Name of the group of each page."""
        return pa.array(self._ids[self._firsts[self.of_page[pages]]].tolist(), pa.binary()).cast(pa.string())


def find_groups(documents: StepOutput, settings: Dedup, min_tokens: int, folder: Path) -> Groups:
    """Join the pages of each document (its own and those of its copies), of each cluster, and of pairs that leak.

    Clusters come from MinHash, which may miss a pair. Groups are joined too if the certificate's exact query finds a
    pair between them, so that it finds none between splits.

    :param folder: For the queries' files, removed at the end.
    """
    files = documents.files()
    with database(folder) as db:
        db.execute(_PAGES.format(files=file_list(files)))
        ids = arrow(db, "SELECT page_id FROM page ORDER BY page")["page_id"].combine_chunks()
        labels = _components(db, _EDGES, np.arange(len(ids), dtype=np.int64))
        side = pa.table({"page_id": ids, "side": ids.take(pa.array(labels))})
        db.register("link", links_between(files, side, settings, folder))
        labels = _components(db, _LINKS, labels)
        db.register("labelled", pa.table({"page_id": ids, "label": labels}))
        sizes, seeds = arrow(db, _SIZES), arrow(db, _SEEDS, {"least": min_tokens})
    return Groups(
        pa.table({"page_id": ids, "group": ids.take(pa.array(labels))}),
        ids.take(sizes["label"].combine_chunks()),
        _matrix(sizes, "pages", "documents"),
        _matrix(seeds, *KINDS),
    )


def _components(db: duckdb.DuckDBPyConnection, edges: str, labels: I64) -> I64:
    """``labels`` with the ends of ``edges`` joined."""
    found = arrow(db, edges)
    left, right = (labels[found[name].to_numpy().astype(np.int64)] for name in ("left", "right"))
    joined = Components(len(labels))
    joined.join(left, right)
    return joined.labels()[labels]


def _matrix(table: pa.Table, *columns: str) -> I64:
    return np.stack([table[name].to_numpy().astype(np.int64) for name in columns], axis=1)
