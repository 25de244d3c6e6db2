"""Duplicate questions of a split: of the same words, or of nearly the same words with the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.shingles import shingle_sets
from nyxqa.builders.dedup.word_hashes import I64, U64
from nyxqa.builders.engine.database import PART_NUMBER, append, arrow_rows, database, shard_tables
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import StepOutput
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.sql import file_list

if TYPE_CHECKING:
    import duckdb

_SHINGLE = 2  # words
# Boundary markers count as words, so that a changed word changes two pairs at any position: in a question of 16 words
# that is enough for another question at a similarity of 0.8.
_WITH_BOUNDARIES = "0begin {} 0end"
# Questions of one answer and equal images that are compared with each other; a frequent answer may have millions.
_MAX_COMPARED = 1 << 16
_BATCH = 1 << 12
_MOST_EARLIER = 1 << 40  # more files of published questions than there can be

# Rows of a shard to drop, in order.
DUPLICATE_ROWS = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("detail", pa.string())])
_DROPPED_ROWS = pa.schema([("shard", pa.int64()), *DUPLICATE_ROWS])

_LOAD = """
CREATE TABLE question AS
SELECT {shard} AS shard, file_row_number AS row, draft, key, question
FROM read_parquet({files}, filename = true, file_row_number = true)
"""
# Published questions come before all others: their shards have negative numbers.
_LOAD_PUBLISHED = """
INSERT INTO question SELECT {shard}, file_row_number, draft, key, question
FROM read_parquet({files}, file_row_number = true)
"""
_EXACT = """
CREATE TABLE dropped AS
SELECT shard, row, 'repeated_question' AS reason, 'asked before by ' || first AS detail FROM
(SELECT *, first_value(draft) OVER (PARTITION BY key ORDER BY shard, row) AS first FROM question) WHERE draft <> first
"""
_CANDIDATES = """
SELECT topic, shard, row, draft, question FROM question JOIN topic USING (shard, row)
WHERE (shard, row) NOT IN (SELECT (shard, row) FROM dropped)
QUALIFY count(*) OVER (PARTITION BY topic) > 1 ORDER BY topic, shard, row
"""
_ROWS = "SELECT * FROM dropped WHERE shard >= 0 ORDER BY shard, row"


def write_duplicates(
    questions: StepOutput, threshold: float | None, folder: Path, published: Sequence[StepOutput] = ()
) -> None:
    """Write for each shard which of its questions are duplicates; the first in order is retained.

    A duplicate has the same words about the same images as an earlier question; or the same normalised answer, the same
    images and word pairs with a Jaccard similarity of at least ``threshold`` to those of a retained question.
    Questions that differ in one name, and so in their answer, are both retained. At most 65,536 consecutive questions
    of one answer are compared with each other. DuckDB stores the questions; memory holds those of one answer.

    :param threshold: None to find only questions of equal words.
    :param published: Questions that are retained and come before; the first output is of the same split, the others
        are compared by their words alone.
    """
    files = questions.files()
    earlier = [output.files() for output in published]
    own = dict(enumerate(earlier[0] if earlier else [], -_MOST_EARLIER))
    rest = dict(enumerate([file for part in earlier[1:] for file in part], -2 * _MOST_EARLIER))
    with database(folder) as db:
        if files:
            db.execute(_LOAD.format(files=file_list(files), shard=PART_NUMBER))
            for shard, file in {**rest, **own}.items():
                db.execute(_LOAD_PUBLISHED.format(files=file_list([file]), shard=shard))
            db.execute(_EXACT)
            if threshold is not None:
                _find_similar(db, {**own, **dict(enumerate(files))}, threshold)
            for shard, table in enumerate(shard_tables(db, _ROWS, len(files))):
                write_table(part_file(folder, shard), table.select(DUPLICATE_ROWS.names).cast(DUPLICATE_ROWS))


def _find_similar(db: duckdb.DuckDBPyConnection, files: Mapping[int, Path], threshold: float) -> None:
    """Add to table ``dropped`` the questions similar to a retained one; ``files`` go by the numbers of their shards."""
    db.execute("CREATE TABLE topic (topic UBIGINT, shard BIGINT, row BIGINT)")
    for shard, file in files.items():
        rows = pq.read_table(file, columns=["answer", "images"]).to_pylist()
        topics = np.fromiter(map(_topic, rows), np.uint64, len(rows))
        table = {"topic": topics, "shard": np.full(len(rows), shard), "row": np.arange(len(rows))}
        append(db, "topic", pa.table(table))
    for _, group in groupby(arrow_rows(db, _CANDIDATES, _BATCH), key=lambda row: row["topic"]):
        for batch in _slices(group):
            duplicates = [
                {
                    **batch[number],
                    "reason": "similar_question",
                    "detail": _similarity_detail(batch[retained]["draft"], similarity),
                }
                for number, retained, similarity in similar_questions([row["question"] for row in batch], threshold)
            ]
            if duplicates:
                append(db, "dropped", pa.Table.from_pylist(duplicates, _DROPPED_ROWS))


def _similarity_detail(draft: str, similarity: float) -> str:
    return f"like {draft}, of the same answer and images: similarity {similarity:.3f}"


def _topic(row: dict[str, Any]) -> int:
    """Equal for questions of the same answer about the same images: 64 bits of a hash."""
    content = "\x1f".join([normalise_answer(row["answer"]), *(image["image_id"] for image in row["images"])])
    return int.from_bytes(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def _slices(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """At most ``_MAX_COMPARED`` rows at a time, in order."""
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _MAX_COMPARED:
            yield batch
            batch = []
    if batch:
        yield batch


def similar_questions(questions: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Near-duplicates among ``questions`` (at least one): number, number of the most similar retained one, similarity.

    Prefix filtering: two sets at the threshold share one of their rarest members, so a question is compared only with
    retained ones that share such a word pair.
    """
    pairs, sizes = _word_pairs(questions)
    _, ranks, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    # 32-bit numbers in one array: a set per question would take kilobytes.
    order = np.argsort(np.argsort(counts, kind="stable"), kind="stable").astype(np.uint32)[ranks]
    stops = [0, *np.cumsum(sizes).tolist()]
    del pairs, ranks, counts
    retained: dict[int, list[int]] = {}
    for number, (start, stop) in enumerate(pairwise(stops)):
        own = np.sort(order[start:stop]).tolist()
        members = set(own)
        # A similar set shares at least k = ceil(threshold * n) of n members: one of any n - k + 1 of them.
        rarest = own[: len(own) - int(np.ceil(threshold * len(own) - 1e-9)) + 1]
        near = {other for pair in rarest for other in retained.get(pair, ())}
        best = max(
            ((_jaccard(members, order[stops[other] : stops[other + 1]].tolist()), -other) for other in near),
            default=(0.0, 0),
        )
        if best[0] >= threshold:
            yield number, -best[1], best[0]
            continue
        for pair in rarest:
            retained.setdefault(pair, []).append(number)


def _word_pairs(questions: Sequence[str]) -> tuple[U64, I64]:
    """Hashes of the pairs of adjacent words of all questions, concatenated, and the number of pairs of each."""
    batches = [
        shingle_sets([_WITH_BOUNDARIES.format(text) for text in questions[first : first + _BATCH]], _SHINGLE)
        for first in range(0, len(questions), _BATCH)
    ]
    return np.concatenate([sets.values for sets in batches]), np.concatenate([sets.sizes for sets in batches])


def _jaccard(left: set[int], right: list[int]) -> float:
    """Jaccard similarity of a set and a list of distinct members."""
    common = sum(map(left.__contains__, right))
    return common / (len(left) + len(right) - common) if common else 0.0
