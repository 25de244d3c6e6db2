"""The published version that an update starts from: its tables, and what the stages know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.database import database
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import replacing
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.recipe import Update
from nyxqa.schemas.sql import file_list, identifier, string_literal
from nyxqa.schemas.tables import CORPUS, DATASET, LEDGER, QA, TRIPLETS, WEB

if TYPE_CHECKING:
    import duckdb

Ids = npt.NDArray[np.bytes_]
PAGES, DOCUMENTS = "pages.parquet", "documents.parquet"
# Stage and reason of the ledger row that says of which document a question was asked first.
STAGE, STALE = "update", "stale"

_PAGES = """
SELECT page_id, min(split) AS split FROM (SELECT page_id, split FROM corpus
    UNION ALL SELECT unnest(also_at).page_id, split FROM corpus) GROUP BY page_id ORDER BY page_id
"""
_DOCUMENTS = "SELECT doc_id, page_id, split FROM corpus ORDER BY doc_id"
_QUESTIONS = """
SELECT {columns}, coalesce(first.item_id, qa.doc_id) AS asked_of, coalesce(t.positives, []) AS positives,
       coalesce(t.negative_ids, []) AS negative_ids, coalesce(t.negative_ranks, []) AS negative_ranks,
       coalesce(t.negative_scores, []) AS negative_scores, coalesce(t.miner, '') AS miner,
       CASE WHEN t.needs = 'all' THEN list_filter(t.positives, lambda one: one.origin = 'source'
            AND one.doc_id <> qa.doc_id)[1].doc_id END AS second_id
FROM qa LEFT JOIN (SELECT * FROM triplets WHERE dataset = {dataset}) t ON t.query_id = qa.qa_id
LEFT JOIN (SELECT parent_id, any_value(split_part(item_id, ':', 2)) AS item_id FROM ledger
           WHERE stage = '{stage}' AND reason = '{stale}' AND item_type = 'document' GROUP BY parent_id) first
       ON first.parent_id = qa.qa_id
WHERE qa.dataset = {dataset} ORDER BY qa.qa_id
"""


@dataclass(frozen=True)
class Parent:
    """A published version of a dataset.

    :param fingerprint: That of its manifest, which says which version it is.
    :param out: Folder in which it is published.
    :param splits: Splits of which it has questions.
    """

    fingerprint: str
    out: Path
    splits: tuple[str, ...]


def questions_file(folder: Path, split: str) -> Path:
    """The file of the published questions of one split, below the folder of ``write_parent``."""
    return folder / f"questions-{split}.parquet"


def write_parent(parent: Parent, folder: Path) -> None:
    """Write the splits of pages and documents, and the questions of each split with their documents and negatives.

    :raises WorldError: If the folder holds another version by now.
    """
    published = open_published(parent.out)
    if published.manifest.fingerprint != parent.fingerprint:
        raise WorldError(f"{parent.out} holds another version than the update started from; run the command again")
    with database(folder) as db:
        for table, names in (
            (CORPUS, ("doc_id", "page_id", "split", "also_at")),
            (LEDGER, ("stage", "item_type", "item_id", "parent_id", "reason")),
        ):
            kind = WEB if table is CORPUS else "rows"
            db.execute(_view(published, table.name, kind, names))
        queries = {PAGES: _PAGES, DOCUMENTS: _DOCUMENTS}
        for name, query in queries.items():
            _copy(db, query, folder / name)
        for split in parent.splits:
            columns = [column.name for column in QA.columns if column.name != "images"]
            db.execute(_view(published, QA.name, split, columns))
            wanted = [column.name for column in TRIPLETS.columns if column.name != "query_images"]
            db.execute(_view(published, TRIPLETS.name, split, wanted))
            own = ", ".join(f"qa.{identifier(name)}" for name in columns)
            query = _QUESTIONS.format(columns=own, dataset=string_literal(DATASET), stage=STAGE, stale=STALE)
            _copy(db, query, questions_file(folder, split))


def _view(published: Published, table: str, split: str, columns: Sequence[str]) -> str:
    """The statement that makes a view of the files of one split, of no rows where there are none."""
    files = published.files(table, split)
    names = ", ".join(map(identifier, columns))
    source = f"SELECT {names} FROM read_parquet({file_list(files)})"  # noqa: S608
    if not files:
        source = f"SELECT {', '.join(f'NULL::VARCHAR AS {identifier(name)}' for name in columns)} WHERE false"
    return f"CREATE OR REPLACE VIEW {table} AS {source}"


def _copy(db: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    with replacing(file) as temporary:
        db.execute(f"COPY ({query}) TO {string_literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")


@dataclass(frozen=True)
class UpdateInputs:
    """The published version as a stage sees it.

    :param fingerprint: That of the version.
    :param tables: Folder of its tables, as ``write_parent`` wrote them.
    :param splits: Splits of which it has questions.
    :param settings: Section ``[update]`` of the recipe.
    """

    fingerprint: str
    tables: Path
    splits: tuple[str, ...]
    settings: Update

    def of_split(self, split: str) -> UpdateInputs | None:
        """The version, unless it has no questions of ``split``."""
        return self if split in self.splits else None

    def params(self, *keys: str) -> dict[str, Any]:
        """What enters the fingerprint of a step: the version, and ``keys`` of the settings."""
        own = self.settings.model_dump(mode="json", include=set(keys))
        return {"parent": self.fingerprint, **({"update": own} if own else {})}


class PublishedDocuments:
    """Which documents a version published in one split, and about which of them it has questions.

    :param tables: Folder of the tables of the version.
    :param split: The split; "" for all of them, without questions.
    """

    def __init__(self, tables: Path, split: str = "") -> None:
        rows = pq.read_table(tables / DOCUMENTS, columns=["doc_id", "split"])
        self._all = _sorted(rows["doc_id"] if not split else rows.filter(pc.equal(rows["split"], split))["doc_id"])
        asked = pq.read_table(questions_file(tables, split), columns=["doc_id"])["doc_id"] if split else None
        self._asked = _sorted(pa.chunked_array([], pa.string()) if asked is None else asked.unique())

    def holds(self, ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """For each id whether it was published."""
        return _among(ids, self._all)

    def asks(self, ids: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """For each id whether there are questions about it."""
        return _among(ids, self._asked)


def _sorted(ids: pa.ChunkedArray | pa.Array) -> Ids:
    return np.sort(np.array(ids.to_pylist(), "S32"))


def _among(ids: pa.ChunkedArray, known: Ids) -> npt.NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(ids), np.bool_)
    own = np.array(ids.to_pylist(), "S32")
    places = np.minimum(np.searchsorted(known, own), len(known) - 1)
    return np.asarray(known[places] == own)
