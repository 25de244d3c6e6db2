"""Questions of a split that were asked before: in the same words, or in nearly the same with the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.shingles import shingle_sets
from nyxqa.builders.dedup.word_hashes import I64, U64
from nyxqa.builders.engine.database import PART_NUMBER, append, arrow_rows, database, shard_tables
from nyxqa.builders.engine.shard import part_file, write_table
from nyxqa.builders.engine.step import StepOutput
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

_SHINGLE = 2  # words
# Bounds count as words, so that a changed word takes two pairs wherever it stands: among 16 words that makes another
# question at a similarity of 0.8.
_BOUNDED = "0begin {} 0end"
_COMPARED = 1 << 16  # questions of one answer and equal images that are compared: a hot answer may have millions
_BATCH = 1 << 12

# Rows of a shard that go, in their order.
DUPLICATE_ROWS = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("detail", pa.string())])
_GONE = pa.schema([("shard", pa.int64()), *DUPLICATE_ROWS])

_LOAD = """
CREATE TABLE question AS
SELECT {shard} AS shard, file_row_number AS row, draft, key, question
FROM read_parquet({files}, filename = true, file_row_number = true)
"""
_REPEATED = """
CREATE TABLE gone AS
SELECT shard, row, 'repeated_question' AS reason, 'asked before by ' || first AS detail FROM
(SELECT *, first_value(draft) OVER (PARTITION BY key ORDER BY shard, row) AS first FROM question) WHERE draft <> first
"""
_CANDIDATES = """
SELECT topic, shard, row, draft, question FROM question JOIN topic USING (shard, row)
WHERE (shard, row) NOT IN (SELECT (shard, row) FROM gone)
QUALIFY count(*) OVER (PARTITION BY topic) > 1 ORDER BY topic, shard, row
"""
_ROWS = "SELECT * FROM gone ORDER BY shard, row"


def write_duplicates(questions: StepOutput, threshold: float | None, folder: Path) -> None:
    """Write for each shard which of its questions were asked before; the first in order stays.

    That is a question of equal words about the same images; and one of the same normalised answer and the same images
    whose pairs of neighbouring words have a Jaccard similarity of ``threshold`` to those of a question that stays.
    Questions that differ in one name and so in their answer are both kept. Compared are at most 65,536 questions of
    one answer in a row. DuckDB holds the questions; in memory are those of one answer.

    :param threshold: None: only equal ones are looked for.
    """
    files = questions.files()
    with database(folder) as db:
        if files:
            db.execute(_LOAD.format(files=file_list(files), shard=PART_NUMBER))
            db.execute(_REPEATED)
            if threshold is not None:
                _find_similar(db, files, threshold)
            for shard, table in enumerate(shard_tables(db, _ROWS, len(files))):
                write_table(part_file(folder, shard), table.select(DUPLICATE_ROWS.names).cast(DUPLICATE_ROWS))


def _find_similar(db: duckdb.DuckDBPyConnection, files: Sequence[Path], threshold: float) -> None:
    """Add to table ``gone`` the questions similar to one that stays."""
    db.execute("CREATE TABLE topic (topic UBIGINT, shard BIGINT, row BIGINT)")
    for shard, file in enumerate(files):
        rows = pq.read_table(file, columns=["answer", "images"]).to_pylist()
        topics = np.fromiter(map(_topic, rows), np.uint64, len(rows))
        table = {"topic": topics, "shard": np.full(len(rows), shard), "row": np.arange(len(rows))}
        append(db, "topic", pa.table(table))
    for _, group in groupby(arrow_rows(db, _CANDIDATES, _BATCH), key=lambda row: row["topic"]):
        for asked in _slices(group):
            found = [
                {**asked[number], "reason": "similar_question", "detail": _likeness(asked[kept]["draft"], similarity)}
                for number, kept, similarity in similar_questions([row["question"] for row in asked], threshold)
            ]
            if found:
                append(db, "gone", pa.Table.from_pylist(found, _GONE))


def _likeness(draft: str, similarity: float) -> str:
    return f"like {draft}, of the same answer and images: similarity {similarity:.3f}"


def _topic(row: dict[str, Any]) -> int:
    """Equal for questions of the same answer about the same images: 64 bits of a hash."""
    content = "\x1f".join([normalise_answer(row["answer"]), *(image["image_id"] for image in row["images"])])
    return int.from_bytes(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def _slices(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """At most ``_COMPARED`` rows at a time, in order."""
    asked: list[dict[str, Any]] = []
    for row in rows:
        asked.append(row)
        if len(asked) == _COMPARED:
            yield asked
            asked = []
    if asked:
        yield asked


def similar_questions(questions: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """The questions, of one at least, that go: number, number of the most similar one that stays, and similarity.

    Of two sets alike, the rarest members of one hold one of the rarest of the other, so a question is compared only
    with those that stay and share such a pair of words.
    """
    found, sizes = _word_pairs(questions)
    _, ranks, counts = np.unique(found, return_inverse=True, return_counts=True)
    # Numbers of 32 bits in one array: a set for each question would take kilobytes.
    order = np.argsort(np.argsort(counts, kind="stable"), kind="stable").astype(np.uint32)[ranks]
    stops = [0, *np.cumsum(sizes).tolist()]
    del found, ranks, counts
    stays: dict[int, list[int]] = {}
    for number, (start, stop) in enumerate(pairwise(stops)):
        own = np.sort(order[start:stop]).tolist()
        members = set(own)
        # Of n members, a set alike has ceil(threshold * n) at least, so it has one of the others and one more.
        rarest = own[: len(own) - int(np.ceil(threshold * len(own) - 1e-9)) + 1]
        near = {other for pair in rarest for other in stays.get(pair, ())}
        best = max(
            ((_jaccard(members, order[stops[other] : stops[other + 1]].tolist()), -other) for other in near),
            default=(0.0, 0),
        )
        if best[0] >= threshold:
            yield number, -best[1], best[0]
            continue
        for pair in rarest:
            stays.setdefault(pair, []).append(number)


def _word_pairs(questions: Sequence[str]) -> tuple[U64, I64]:
    """The pairs of neighbouring words of all questions one after the other, and how many each has."""
    batches = [
        shingle_sets([_BOUNDED.format(text) for text in questions[first : first + _BATCH]], _SHINGLE)
        for first in range(0, len(questions), _BATCH)
    ]
    return np.concatenate([sets.values for sets in batches]), np.concatenate([sets.sizes for sets in batches])


def _jaccard(left: set[int], right: list[int]) -> float:
    """Of two sets, the members of the second listed once each."""
    common = sum(map(left.__contains__, right))
    return common / (len(left) + len(right) - common) if common else 0.0
