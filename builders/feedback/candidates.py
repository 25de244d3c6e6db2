"""Step ``feedback/candidates``: retrieve documents for each train question from its pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.feedback.train_set import TrainPool, TrainSet
from nyxqa.builders.question_sets.pool_search import is_own_document
from nyxqa.builders.question_sets.pools import Pool
from nyxqa.builders.stages.names import FEEDBACK
from nyxqa.builders.stages.passages import passage_index
from nyxqa.retriever.encoders.factory import is_dense
from nyxqa.retriever.protocols import Encoder, Index, SearchEntry

_S, _I32, _I64, _F32 = pa.string(), pa.int32(), pa.int64(), pa.float32()
# Equal values mark equal content: page and cluster in pool ``web``, the key of the text in any pool.
_SHARED_KEYS = [("doc_id", _S), ("page_id", _S), ("cluster", _S), ("key", _S)]
# ``row`` is the document's row in its index.
CANDIDATE = pa.struct([*_SHARED_KEYS, ("row", _I64), ("rank", _I32), ("score", _F32)])
# A model's answer; without a usable one prediction and f1 are null and the reason is set.
_ANSWER = [("prediction", _S), ("f1", _F32), ("reason", _S), ("detail", _S)]
# One row for each train question, in the order of ``triplets``.
CANDIDATES = pa.schema([("dataset", _S), ("query_id", _S), ("pool", _S), ("candidates", pa.list_(CANDIDATE))])
# ``query_key`` is equal for questions that are asked in the same words; ``known`` are the triplet's positives;
# ``found`` counts the candidates before an early stop; ``unasked`` says why a question was not asked at all.
ANSWERS = pa.schema(
    [
        ("dataset", _S),
        ("query_id", _S),
        ("query_key", _S),
        ("pool", _S),
        ("known", pa.list_(pa.struct(_SHARED_KEYS))),
        ("candidates", pa.list_(pa.struct([*CANDIDATE, *_ANSWER]))),
        ("closed_book", pa.struct(_ANSWER)),
        ("found", _I32),
        ("unasked", _S),
    ]
)
VERSION = 1
# Questions of one search call: each dense search reads all vectors of the pool once.
BLOCK = 2_048
_COLUMNS = ["query_id", "dataset", "pool", "query", "instruction"]

Span = tuple[int, int]


@dataclass
class Searcher:
    """Retrieves candidates, with one open index for each pool.

    :param indexes: Folders of the indexes by pool.
    """

    train: TrainSet
    encoder: Encoder
    indexes: dict[str, Path]
    top_k: int

    def __post_init__(self) -> None:
        self._open: dict[str, Index] = {}

    def search(self, span: Span) -> ShardOutput:
        """Rows of ``CANDIDATES`` for the questions of a block."""
        questions = self.train.rows(*span, _COLUMNS)
        candidates: dict[int, list[dict[str, Any]]] = {}
        asked = [number for number in range(len(questions)) if self.train.can_be_labelled(span[0] + number)]
        for pool in sorted({questions[number]["pool"] for number in asked}):
            numbers = [number for number in asked if questions[number]["pool"] == pool]
            entries = [self._entry(span[0] + number, questions[number]) for number in numbers]
            hits = self._index(pool).search(entries, self.top_k + 1)  # one of them may be the question's own document
            documents = self.train.pools[pool].pool
            for number, rows, scores in zip(numbers, hits.rows.tolist(), hits.scores.tolist(), strict=True):
                row = questions[number]
                foreign = [
                    (found, score)
                    for found, score in zip(rows, scores, strict=True)
                    if found >= 0 and not is_own_document(row["dataset"], row["query_id"], documents.origin(found))
                ]
                candidates[number] = list(_ranked(documents, foreign[: self.top_k]))
        columns = ("dataset", "query_id", "pool")
        rows = [
            {**{name: row[name] for name in columns}, "candidates": candidates.get(number, [])}
            for number, row in enumerate(questions)
        ]
        ids = [row["query_id"] for row in rows]
        return ShardOutput(pa.Table.from_pylist(rows, schema=CANDIDATES), Account(ids, ids))

    def _index(self, pool: str) -> Index:
        if pool not in self._open:
            self._open[pool] = self.encoder.open(self.indexes[pool])
        return self._open[pool]

    def _entry(self, place: int, row: dict[str, Any]) -> SearchEntry:
        pictures = self.train.pictures(place)
        captions = tuple(picture.caption for picture in pictures)
        images = tuple(picture.data for picture in pictures) if self.encoder.needs_images else ()
        return SearchEntry(row["query_id"], row["query"], captions, images, row["instruction"])


def _ranked(pool: Pool, found: list[tuple[int, float]]) -> Iterator[dict[str, Any]]:
    for rank, (row, score) in enumerate(found, 1):
        yield {**pool.shared_keys(row), "row": row, "rank": rank, "score": score}


def candidates(
    run: Run, train: TrainSet, encoder: Encoder, spec: str, top_k: int
) -> tuple[StepOutput, dict[str, StepOutput]]:
    """The ``top_k`` best documents for each train question, and the index of each pool.

    :param spec: The encoder as named on the command line.
    """
    indexes = {name: _index(run, pool, encoder, is_dense(spec)) for name, pool in train.pools.items()}
    prints = {name: index.fingerprint for name, index in indexes.items()}
    params = {
        **{"top_k": top_k, "encoder": encoder.fingerprint, "triplets": train.triplet_files, "indexes": prints},
        **train.selection,
    }
    step = Step(f"{FEEDBACK}/candidates", VERSION, params, (), "train", "question", "question")
    searcher = Searcher(train, encoder, {name: index.folder for name, index in indexes.items()}, top_k)
    return run.map(step, searcher.search, partial(spans, len(train), BLOCK), CANDIDATES, "driver"), indexes


def spans(rows: int, size: int) -> list[Span]:
    """First row and end of each block of ``size`` rows."""
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def _index(run: Run, pool: TrainPool, encoder: Encoder, dense: bool) -> StepOutput:
    if pool.passages is not None:  # the build may have made the same index already
        return passage_index(run, pool.name, pool.passages, encoder, dense)
    params = {"pool": pool.name, "documents": pool.basis, "encoder": encoder.fingerprint}
    step = Step(f"{FEEDBACK}/index", VERSION, params, (), "train")
    return run.run_once(step, partial(_build, pool.pool, encoder), resume=dense, encoder=dense)


def _build(pool: Pool, encoder: Encoder, folder: Path) -> None:
    encoder.build(pool.entries(encoder.needs_images), folder)
