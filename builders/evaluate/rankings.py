"""Steps ``evaluate/index`` and ``evaluate/ranking``: search each question in its whole pool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.evaluate.approximate import Approximate, ApproximateSearch, approximate_of
from nyxqa.builders.evaluate.questions import EvalSet, Question
from nyxqa.builders.evaluate.row_schemas import RANKINGS
from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.encoders.factory import is_dense
from nyxqa.retriever.evaluation.evaluate import full_dim, search_dims
from nyxqa.retriever.evaluation.spans import Piece
from nyxqa.retriever.index.approximate import MEASURED, IndexKind
from nyxqa.retriever.protocols import Encoder, Index, SearchEntry

STAGE = "evaluate"
VERSION = 1
# Rank at which a search ends; a known document behind it counts as not found, which costs MRR less than 0.001.
DEPTH = 1_000
# Documents of a question that are kept: for answers, judgements and rankings that are written out.
KEPT = 100
# Questions of one search call: each dense search reads all vectors of the pool once.
BLOCK = 1_024

Span = tuple[int, int]
# A document by its row in its pool, or a text.
Shown = int | str
Ranks = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """How one system ranked the documents for every question.

    :param system: Its name in tables.
    :param dim: Prefix length; 0 for a system without vectors.
    :param ranks: For each question the ranks of its known documents, ascending, infinity where not found.
    :param items: For each question what its first pieces show a model, best first: documents by their row in the
        pool, or a text; a piece of ours is one document.
    :param pieces: What each piece holds of the known documents; None where pieces are documents.
    :param searched: Kind of an approximate index, and by pool its recall and effort; None where search was exact.
    """

    system: str
    dim: int
    ranks: list[Ranks]
    items: list[list[tuple[Shown, ...]]]
    scores: list[list[float]]
    pieces: list[list[Piece]] | None = None
    searched: Mapping[str, Any] | None = None

    def rows(self, number: int) -> list[int]:
        """Rows of the first documents of a question in their pool, each once."""
        return [one for one in self.shown(number, len(self.items[number]))[:KEPT] if isinstance(one, int)]

    def shown(self, number: int, k: int) -> tuple[Shown, ...]:
        """What the first ``k`` pieces of a question show, each once."""
        return tuple(dict.fromkeys(one for item in self.items[number][:k] for one in item))

    @property
    def label(self) -> str:
        """Name with the prefix length, where there is one."""
        return f"{self.system} ({self.dim})" if self.dim else self.system


@dataclass
class Searcher:
    """Ranks the documents of each pool for a block of questions."""

    questions: EvalSet
    encoder: Encoder
    indexes: dict[str, Path]
    dims: tuple[int, ...]
    approximate: Mapping[str, Approximate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._open: dict[str, Index] = {}

    def search(self, span: Span) -> ShardOutput:
        """Rows of ``RANKINGS``."""
        block = self.questions.questions[span[0] : span[1]]
        found: list[list[dict[str, Any]]] = [[] for _ in block]
        for pool in sorted({one.pool for one in block}):
            numbers = [number for number, one in enumerate(block) if one.pool == pool]
            entries = [self.entry(block[number]) for number in numbers]
            index = self.index(pool)
            # One more where a question's own document may be among them, which is left out.
            k = min(DEPTH + any(self.questions.own_row(block[one]) is not None for one in numbers), len(index.ids))
            for dim, hits in zip(self.dims, search_dims(self.encoder, index, entries, k, self.dims), strict=True):
                for number, rows, scores in zip(numbers, hits.rows, hits.scores, strict=True):
                    found[number].append(self._ranked(block[number], dim, rows, scores))
        rows_out = [{"query_id": one.id, "found": listed} for one, listed in zip(block, found, strict=True)]
        ids = [one.id for one in block]
        return ShardOutput(pa.Table.from_pylist(rows_out, schema=RANKINGS), Account(ids, ids))

    def index(self, pool: str) -> Index:
        """The open index of a pool."""
        if pool not in self._open:
            index = self.encoder.open(self.indexes[pool])
            if pool in self.approximate and isinstance(index, VectorIndex):
                index = ApproximateSearch(index, self.approximate[pool])
            self._open[pool] = index
        return self._open[pool]

    def entry(self, question: Question) -> SearchEntry:
        """A question as the encoder sees it."""
        pictures = self.questions.pictures(question)
        captions = tuple(picture.caption for picture in pictures)
        images = tuple(picture.data for picture in pictures) if self.encoder.needs_images else ()
        return SearchEntry(question.id, question.text, captions, images, question.instruction)

    def _ranked(
        self, question: Question, dim: int, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]
    ) -> dict[str, Any]:
        own = self.questions.own_row(question)
        if own is not None:
            rows, scores = rows[rows != own][:DEPTH], scores[rows != own][:DEPTH]
        places = [np.flatnonzero(rows == row) for row in self.questions.rows_of(question)]
        kept = rows[:KEPT] >= 0
        return {
            "dim": dim,
            "ranks": [int(place[0]) + 1 if len(place) else 0 for place in places],
            "rows": rows[:KEPT][kept].tolist(),
            "scores": scores[:KEPT][kept].tolist(),
        }


def rankings(
    run: Run,
    questions: EvalSet,
    encoder: Encoder,
    spec: str,
    system: str,
    dims: Sequence[int],
    kind: str = "exact",
) -> list[Ranking]:
    """The rankings of an encoder, one for each prefix length that its vectors have.

    :param spec: The encoder as named on the command line.
    :param system: Its name in tables.
    :param dims: Prefix lengths that are wanted; the full length if empty or all are longer.
    :param kind: ``exact``, or the approximate index that vectors are searched by; an encoder without vectors searches
        as it always does.
    """
    indexes = {pool: index_of(run, questions, pool, encoder, spec) for pool in questions.pools}
    folders = {pool: index.folder for pool, index in indexes.items()}
    full = max(full_dim(encoder.open(folder)) for folder in folders.values())
    chosen = tuple(dim for dim in dict.fromkeys(dims) if dim <= full) or (full,)
    params: dict[str, Any] = {
        "encoder": encoder.fingerprint,
        "dims": chosen,
        "depth": DEPTH,
        "kept": KEPT,
        "questions": questions_hash(questions.questions),
        "files": questions.files,
        "indexes": {pool: index.fingerprint for pool, index in indexes.items()},
    }
    if any(questions.own_row(one) is not None for one in questions.questions):
        params["own_documents"] = "left out"
    approximate: dict[str, Approximate] = {}
    if kind in get_args(IndexKind) and isinstance(encoder, VectorEncoder):
        params["encoder"] = f"{encoder.fingerprint}/index={kind}"
        approximate = _approximate(run, Searcher(questions, encoder, folders, chosen), kind, indexes)
    searcher = Searcher(questions, encoder, folders, chosen, approximate)
    step = Step(f"{STAGE}/ranking", VERSION, params, (), questions.split, "question", "question")
    output = run.map(step, searcher.search, partial(spans, len(questions), BLOCK), RANKINGS, "driver")
    searched = {pool: asdict(one.tuned) for pool, one in approximate.items()}
    found = read_rankings(output, system, chosen)
    return [replace(one, searched={"index": kind, "pools": searched}) if searched else one for one in found]


def _approximate(run: Run, searcher: Searcher, kind: Any, indexes: Mapping[str, StepOutput]) -> dict[str, Approximate]:
    """The approximate index of each pool, measured on its first questions at as many documents as are kept."""
    built: dict[str, Approximate] = {}
    encoder: Any = searcher.encoder
    for pool, index in indexes.items():
        asked = [one for one in searcher.questions.questions if one.pool == pool][:MEASURED]
        entries = [searcher.entry(one) for one in asked]
        k = min(DEPTH, len(searcher.index(pool).ids))
        state = {"pool": pool, "questions": questions_hash(asked)}
        built[pool] = approximate_of(run, encoder, kind, index, state, entries, k, KEPT)
    return built


def read_rankings(output: StepOutput, system: str, dims: Sequence[int]) -> list[Ranking]:
    """Rows of ``RANKINGS`` as a ranking for each of ``dims``."""
    by_dim = [Ranking(system, dim, [], [], []) for dim in dims]
    for row in output.rows():
        for ranking, found in zip(by_dim, row["found"], strict=True):
            ranks = np.array([float(rank) if rank else np.inf for rank in found["ranks"]])
            ranking.ranks.append(np.sort(ranks))
            ranking.items.append([(row,) for row in found["rows"]])
            ranking.scores.append(found["scores"])
    return by_dim


def questions_hash(questions: Iterable[Question]) -> str:
    """Changes with the questions and their order."""
    return hashlib.sha256(" ".join(one.id for one in questions).encode()).hexdigest()[:16]


def spans(rows: int, size: int) -> list[Span]:
    """First row and end of each block of ``size`` rows."""
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def index_of(run: Run, questions: EvalSet, pool: str, encoder: Encoder, spec: str) -> StepOutput:
    """The index of all published documents of a pool; a dense one resumes shard by shard after a stopped run."""
    params = {"pool": pool, "documents": questions.pool_files(pool), "encoder": encoder.fingerprint}
    step = Step(f"{STAGE}/index", VERSION, params)
    return run.run_once(step, partial(_build, questions, pool, encoder), resume=is_dense(spec), encoder=is_dense(spec))


def _build(questions: EvalSet, pool: str, encoder: Encoder, folder: Path) -> None:
    encoder.build(questions.pools[pool].entries(encoder.needs_images), folder)
