"""Rows of ``corpus`` outside pool ``web``: passages of question sets, and documents of imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.assembly.inputs import Judgements, Packs
from nyxqa.builders.assembly.published_rows import image_structs
from nyxqa.builders.engine.database import arrow_rows
from nyxqa.builders.question_sets.outputs import PoolParts, SetParts
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.schemas.content import kind_of, plain_text
from nyxqa.schemas.ids import page_id_of_passage
from nyxqa.schemas.loading.earlier_format import added_columns
from nyxqa.schemas.sql import file_list
from nyxqa.schemas.tables import CORPUS
from nyxqa.schemas.words import words
from nyxqa.schemas.writing import FILE_BYTES, IMAGE_GROUP_BYTES, IMAGE_GROUP_ROWS

if TYPE_CHECKING:
    import duckdb

_BATCH = 10_000
_IMAGE_BATCH = 256
_LATER = {column.name: column.default for column in added_columns(CORPUS)}
_REFERENCED = """
SELECT DISTINCT "row" FROM (
    SELECT unnest(documents)."row" AS "row" FROM entry WHERE pool = '{pool}' AND reason IS NULL
    {hits}
) ORDER BY ALL
"""
_HITS = "UNION ALL SELECT unnest(rows) FROM read_parquet({files})"
_JUDGED = """
UNION ALL
SELECT own."row" FROM (SELECT unnest(doc_ids) AS doc_id, unnest(rows) AS "row" FROM read_parquet({found})) own
SEMI JOIN read_parquet({judged}) USING (doc_id)
"""
# Each document once, where it first appears: rows are taken by place, documents of a row as they are listed.
_EMBEDDED = """
WITH named AS (SELECT source, place, unnest(documents) AS document, generate_subscripts(documents, 1) AS number
               FROM entry WHERE pool = '{pool}' AND reason IS NULL),
     first AS (SELECT document.doc_id AS doc_id, min((place, number)) AS spot FROM named GROUP BY 1)
SELECT named.source, document.doc_id AS doc_id, document."text" AS "text", document.images AS images
FROM named JOIN first ON first.doc_id = document.doc_id AND first.spot = (place, number) ORDER BY place, number
"""


@dataclass(frozen=True)
class PassageFile:
    """One file to be written: rows ``start`` to ``end``, exclusive, of a pool.

    :param number: Its number.
    """

    number: int
    start: int
    end: int


def plan_passages(pool: PassagePool, file_bytes: int = FILE_BYTES) -> Iterator[PassageFile]:
    """The files that hold all of a pool.

    A file ends with the row group that brings its texts, as they are, and its images to ``file_bytes``; row groups are
    those that every table with images has.
    """
    number = start = size = rows = pictures = row = 0
    for row, (text, images) in enumerate(pool.lengths()):
        if rows and (rows >= IMAGE_GROUP_ROWS or pictures + images > IMAGE_GROUP_BYTES):
            if size >= file_bytes:
                yield PassageFile(number, start, row)
                number, start, size = number + 1, row, 0
            rows = pictures = 0
        rows, pictures, size = rows + 1, pictures + images, size + text + images
    if size or rows:
        yield PassageFile(number, start, row + 1)


def passage_rows(
    db: duckdb.DuckDBPyConnection, pool: PoolParts, sets: Sequence[SetParts] = (), judged: Sequence[Judgements] = ()
) -> Iterator[dict[str, Any]]:
    """Passages that published rows refer to, with all that was retrieved where a set keeps it, or all of the pool.

    :param sets: The sets; in the order of the pool.
    :param judged: Judgements, whose documents are published.
    """
    stored = PassagePool(pool.folder)
    hits = [part.hits for part in sets if part.pool == pool.name and part.hits is not None]
    files = [file for one in hits for file in one.files()]
    own = [one for one in judged if one.pool == pool.name and one.rows.files()]
    for row in range(len(stored)) if pool.whole else _referenced(db, pool.name, files, own):
        yield passage_row(stored, row, pool)


def passage_row(stored: PassagePool, row: int, pool: PoolParts) -> dict[str, Any]:
    """One passage as a row of table ``corpus``."""
    passage = stored[row]
    copies = stored.copies(row)
    return _document(
        doc_id=passage.id,
        text=passage.text,
        page_id=page_id_of_passage(pool.name, passage.external_id),
        title=passage.title or None,
        license=passage.license or (None if passage.source else pool.license),
        external_id=passage.external_id,
        source=passage.source or pool.source,
        also_at=[
            {"page_id": page_id_of_passage(pool.name, copy.external_id), "chunk": 0, "url": copy.url} for copy in copies
        ],
        images=passage.images,
        stored=image_structs(passage.images, stored.packs),
        url=passage.url,
        language=passage.language,
    )


def _referenced(
    db: duckdb.DuckDBPyConnection, pool: str, hits: Sequence[Path], judged: Sequence[Judgements]
) -> Iterator[int]:
    more = _HITS.format(files=file_list(hits)) if hits else ""
    for one in judged:
        found = [file for output in one.found for file in output.files()]
        more += _JUDGED.format(found=file_list(found), judged=file_list(one.rows.files()))
    for row in arrow_rows(db, _REFERENCED.format(pool=pool, hits=more), _BATCH):
        yield row["row"]


def embedded_rows(db: duckdb.DuckDBPyConnection, kind: str, packs: Packs) -> Iterator[dict[str, Any]]:
    """Documents of an import in the order in which published triplets first refer to them."""
    for row in arrow_rows(db, _EMBEDDED.format(pool=kind), _IMAGE_BATCH):
        images = row["images"]
        yield _document(
            doc_id=row["doc_id"],
            text=row["text"],
            page_id=page_id_of_passage(kind, row["doc_id"]),
            title=None,
            license=None,
            external_id=None,
            source=kind,
            also_at=[],
            images=images,
            stored=image_structs(images, packs.of_set(row["source"])) if images else [],
        )


def _document(
    *, doc_id: str, text: str, images: Sequence[Mapping[str, Any]] = (), stored: Sequence[Any] = (), **columns: Any
) -> dict[str, Any]:
    """A row of ``corpus`` outside pool ``web``."""
    return {
        **_LATER,
        "doc_id": doc_id,
        "text": text,
        "images": list(stored),
        "image_ids": [image["image_id"] for image in images],
        "image_phashes": [image["phash"] for image in images],
        "captions": [image["caption"] for image in images],
        "caption_origins": [image.get("caption_origin") or "" for image in images],
        "kind": kind_of(len(images)),
        "n_tokens": len(words(plain_text(text))),
        "chunk": 0,
        "section": "",
        "url": None,
        "image_urls": [image["url"] for image in images],
        "language": None,
        "split": "",
        "group": doc_id,
        "cluster": doc_id,
        **columns,
    }
