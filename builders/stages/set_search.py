"""Step ``/search`` of a question set: the ``top_k`` documents of each question, whatever becomes of it later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.images.packs import PackReader
from nyxqa.builders.question_sets.outputs import HITS
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pool_search import search_entry, search_pool
from nyxqa.retriever.encoders.factory import is_dense, make_encoder

VERSION = 1
# Files of questions per search of a dense index, which reads all vectors once; a BM25 search takes one question.
_DENSE_FILES = 8
HitPiece = tuple[Path, int, int]  # file, first row, rows
FoundTask = tuple[Path, list[HitPiece]]
_COLUMNS = ["name", "query_id", "text"]


@dataclass(frozen=True)
class SetSearcher:
    """What a worker needs to search the questions of one set.

    :param dataset: Name of the set.
    :param pool: Folder of the documents.
    :param index: Folder of their index.
    :param packs: Folder of the images of the questions; None if they have none.
    """

    dataset: str
    encoder: str
    top_k: int
    pool: Path
    index: Path
    packs: Path | None

    def hits(self, files: Sequence[Path]) -> ShardOutput:
        """Rows of HITS for the questions of some files; a question's own document is left out."""
        columns = [*_COLUMNS, *(["images", "instruction"] if self.packs is not None else [])]
        questions = [row for file in files for row in pq.read_table(file, columns=columns).to_pylist()]
        names = [row["name"] for row in questions]
        reader = PackReader(self.packs) if self.packs is not None and make_encoder(self.encoder).needs_images else None
        entries = [
            search_entry(row["query_id"], row["text"], row.get("images") or (), reader, row.get("instruction") or "")
            for row in questions
        ]
        found = search_pool(self.encoder, self.index, PassagePool(self.pool), self.dataset, entries, self.top_k)
        rows = [
            {"name": name, "rows": [row for row, _ in kept], "scores": [score for _, score in kept]}
            for name, kept in zip(names, found, strict=True)
        ]
        return ShardOutput(pa.Table.from_pylist(rows, schema=HITS), Account(names, names))


def search_set(run: Run, stage: str, split: str, searcher: SetSearcher, inputs: Sequence[StepOutput]) -> StepOutput:
    """The documents retrieved for each question (rows of HITS), in the order of the questions.

    :param inputs: The questions, and the index.
    """
    questions, index = inputs
    params = {"dataset": searcher.dataset, "top_k": searcher.top_k}
    step = Step(f"{stage}/search", VERSION, params, (questions.fingerprint, index.fingerprint), split, "row", "row")
    dense = is_dense(searcher.encoder)
    tasks = partial(_tasks, questions, _DENSE_FILES if dense else 1)
    return run.map(step, searcher.hits, tasks, HITS, "encoder" if dense else "workers")


def _tasks(questions: StepOutput, files: int) -> Iterator[list[Path]]:
    remaining = iter(questions.files())
    while task := list(islice(remaining, files)):
        yield task


def with_hits(questions: StepOutput, hits: StepOutput) -> list[FoundTask]:
    """Each file of questions with the pieces of files of hits that belong to it."""
    pieces: list[list[Any]] = [[file, 0, int(pq.read_metadata(file).num_rows)] for file in hits.files()]
    tasks = []
    for file in questions.files():
        missing = int(pq.read_metadata(file).num_rows)
        own: list[HitPiece] = []
        while missing:
            piece = next(one for one in pieces if one[2])
            taken = min(missing, piece[2])
            own.append((piece[0], piece[1], taken))
            piece[1] += taken
            piece[2] -= taken
            missing -= taken
        tasks.append((file, own))
    return tasks


def read_hits(pieces: Sequence[HitPiece]) -> list[dict[str, Any]]:
    """The rows of HITS in some pieces."""
    return [row for file, start, count in pieces for row in pq.read_table(file).slice(start, count).to_pylist()]
