"""Evaluation of models and encoders over whole pools: metrics by kind, dataset and prefix length, with intervals."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.evaluation.bootstrap import Interval, interval
from nyxqa.retriever.evaluation.ranking import METRICS, DenseRanker, Ranks, id_order, measures
from nyxqa.retriever.index.embeddings import Embeddings
from nyxqa.retriever.index.search import search_vectors
from nyxqa.retriever.models.batching import encode_inputs, truncate_and_normalise
from nyxqa.retriever.protocols import EmbeddingModel, Encoder, Hits, Index, ModelInput, SearchEntry
from nyxqa.schemas.errors import LawError

ALL = "all"
# Hits held at a time, over all questions of a block: 16 bytes each.
_LISTED = 1 << 24


@dataclass(frozen=True, slots=True)
class Question:
    """A query with known positives.

    :param positives: Ids of its positives in the pool.
    :param group: Its group in the bootstrap, such as the group of its page; its own id by default.
    """

    id: str
    dataset: str
    kind: str
    content: ModelInput
    positives: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True)
class Pool:
    """The documents that a question is searched in.

    :param ids: Ids, each once.
    :param contents: Contents, in the order of ``ids``; read a block at a time.
    :param captions: Captions of the images of each document, for encoders that read no images; may be empty.
    """

    ids: Sequence[str]
    contents: Sequence[ModelInput]
    captions: Sequence[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One reported figure.

    :param dim: Prefix length; 0 for an encoder without vectors.
    """

    system: str
    dataset: str
    kind: str
    dim: int
    metric: str
    value: Interval

    def as_dict(self) -> dict[str, Any]:
        """As JSON types, with the interval's fields inlined."""
        return {**{name: part for name, part in asdict(self).items() if name != "value"}, **asdict(self.value)}


@dataclass(frozen=True)
class Scores:
    """Every metric of every question under one system and prefix length, float64 [questions] each."""

    system: str
    dim: int
    values: dict[str, npt.NDArray[np.float64]]


def score_model(
    model: EmbeddingModel,
    questions: Sequence[Question],
    pool: Pool,
    dims: Sequence[int],
    system: str = "",
    encode: Callable[[EmbeddingModel, Sequence[ModelInput]], npt.NDArray[np.float32]] = encode_inputs,
) -> list[Scores]:
    """Scores of a model at each prefix length; questions and documents are encoded once.

    :param encode: As ``encode_inputs``; one that shares the work among processes.
    :raises LawError: If a question's positive is not in the pool.
    """
    wanted = _positives(questions, pool)
    queries = encode(model, [question.content for question in questions])
    documents = encode(model, pool.contents)
    order = id_order(pool.ids)
    return [
        Scores(
            system or model.name,
            dim,
            measures(
                DenseRanker(truncate_and_normalise(queries, dim), truncate_and_normalise(documents, dim), order).ranks(
                    wanted
                )
            ),
        )
        for dim in dims
    ]


def score_encoder(encoder: Encoder, questions: Sequence[Question], pool: Pool) -> Scores:
    """Scores of an encoder such as ``bm25``; a positive that is not retrieved has rank infinity.

    :raises LawError: If a question's positive is not in the pool.
    """
    wanted = _positives(questions, pool)
    entries = pool_entries(pool, encoder.needs_images)
    queries = question_entries(questions, encoder.needs_images)
    with tempfile.TemporaryDirectory() as folder:
        encoder.build(entries, Path(folder))
        index = encoder.open(Path(folder))
        step = max(1, _LISTED // max(1, len(pool.ids)))
        ranks = [
            _ranks(row, positives)
            for first in range(0, len(queries), step)
            for row, positives in zip(
                index.search(queries[first : first + step], len(pool.ids)).rows,
                wanted[first : first + step],
                strict=True,
            )
        ]
    return Scores(encoder.name, 0, measures(ranks))


def _ranks(row: npt.NDArray[np.int64], positives: Sequence[int]) -> Ranks:
    places = [np.flatnonzero(row == one) for one in positives]
    return np.sort(np.array([place[0] + 1.0 if len(place) else np.inf for place in places]))


def pool_entries(pool: Pool, needs_images: bool) -> Iterator[SearchEntry]:
    """The documents of a pool as an encoder sees them."""
    captions = pool.captions or [()] * len(pool.ids)
    return (_entry(*one, needs_images) for one in zip(pool.ids, pool.contents, captions, strict=True))


def question_entries(questions: Sequence[Question], needs_images: bool) -> list[SearchEntry]:
    """Questions as an encoder sees them."""
    return [_entry(one.id, one.content, (), needs_images) for one in questions]


def _entry(name: str, content: ModelInput, captions: tuple[str, ...], needs_images: bool) -> SearchEntry:
    return SearchEntry(name, content.text, captions, content.images if needs_images else ())


def _positives(questions: Sequence[Question], pool: Pool) -> list[list[int]]:
    row = {name: number for number, name in enumerate(pool.ids)}
    for question in questions:
        if not question.positives or not row.keys() >= set(question.positives):
            raise LawError(f"question {question.id}: its positives {list(question.positives)} are not all in the pool")
    return [[row[one] for one in question.positives] for question in questions]


def summarise(scores: Iterable[Scores], questions: Sequence[Question], seed: int = 0) -> list[Line]:
    """Means and intervals over all questions, by dataset and by kind."""
    groups = [question.group or question.id for question in questions]
    lines = []
    for one in scores:
        for dataset, kind, rows in _slices(questions):
            for metric in METRICS:
                name = f"{metric}/{dataset}/{kind}"  # the same resamples for every system, so that they are comparable
                value = interval(one.values[metric][rows], name, seed, [groups[row] for row in rows])
                lines.append(Line(one.system, dataset, kind, one.dim, metric, value))
    return lines


def gain(one: Scores, other: Scores, questions: Sequence[Question], metric: str, seed: int = 0) -> Interval:
    """Gain of ``one`` over ``other``, paired by question."""
    groups = [question.group or question.id for question in questions]
    return interval(one.values[metric] - other.values[metric], f"gain/{metric}", seed, groups)


def _slices(questions: Sequence[Question]) -> Iterator[tuple[str, str, list[int]]]:
    """Dataset, kind and rows of each slice; slices equal to a wider one are left out."""
    datasets = sorted({question.dataset for question in questions})
    for dataset in [ALL, *(datasets if len(datasets) > 1 else [])]:
        rows = [row for row, question in enumerate(questions) if dataset in (ALL, question.dataset)]
        kinds = sorted({questions[row].kind for row in rows})
        for kind in [ALL, *(kinds if len(kinds) > 1 else [])]:
            yield dataset, kind, [row for row in rows if kind in (ALL, questions[row].kind)]


@dataclass(frozen=True)
class _Prefixes:
    """The first ``dim`` numbers of stored vectors, scaled to length 1."""

    vectors: Embeddings
    dim: int

    def shards(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        for start, shard in self.vectors.shards():
            yield start, truncate_and_normalise(shard, self.dim)


def full_dim(index: Index) -> int:
    """Length of the vectors of an index; 0 for one without vectors."""
    return index.vectors.dimensions if isinstance(index, VectorIndex) else 0


def search_dims(
    encoder: Encoder, index: Index, queries: Sequence[SearchEntry], k: int, dims: Sequence[int]
) -> list[Hits]:
    """The ``k`` best entries of each query, for each of ``dims``.

    :param dims: Prefix lengths; the full length, and 0 for an index without vectors, searches as the encoder does.
    """
    full = full_dim(index)
    if not isinstance(encoder, VectorEncoder) or not isinstance(index, VectorIndex) or not queries or not full:
        return [index.search(queries, k) for _ in dims]
    vectors = encoder.encode(queries, "query")
    return [
        search_vectors(vectors, index.vectors, k, index.ids.order)
        if dim == full
        else search_vectors(truncate_and_normalise(vectors, dim), _Prefixes(index.vectors, dim), k, index.ids.order)
        for dim in dims
    ]
