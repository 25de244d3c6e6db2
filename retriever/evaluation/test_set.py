"""Test sets from a published dataset: triplets as questions, pools of the corpus as documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.evaluation.evaluate import Pool, Question, Scores, score_encoder, score_model
from nyxqa.retriever.models.batching import encode_inputs
from nyxqa.retriever.protocols import EmbeddingModel, Encoder, ModelInput
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.tables import WEB


class _Contents(Sequence[ModelInput]):
    """Contents of the chosen documents, read on access."""

    def __init__(self, corpus: Any, rows: Sequence[int]) -> None:
        self._corpus, self._rows = corpus, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> ModelInput: ...

    @overload
    def __getitem__(self, index: slice) -> list[ModelInput]: ...

    def __getitem__(self, index: int | slice) -> ModelInput | list[ModelInput]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        row = self._corpus[self._rows[index]]
        return ModelInput(row["text"], tuple(image["bytes"] for image in row["images"]))


@dataclass(frozen=True)
class Searched:
    """Questions of one pool with its documents."""

    questions: tuple[Question, ...]
    pool: Pool


@dataclass(frozen=True)
class TestSet:
    """Questions of several pools, each searched in its own pool."""

    __test__ = False  # not a pytest class

    parts: tuple[Searched, ...]

    @property
    def questions(self) -> list[Question]:
        """All questions, in the order of the scores."""
        return [question for part in self.parts for question in part.questions]

    def model_scores(
        self,
        model: EmbeddingModel,
        dims: Sequence[int],
        system: str = "",
        encode: Callable[[EmbeddingModel, Sequence[ModelInput]], npt.NDArray[np.float32]] = encode_inputs,
    ) -> list[Scores]:
        """Scores of a model at each prefix length.

        :param encode: As for ``score_model``.
        """
        by_part = [score_model(model, part.questions, part.pool, dims, system, encode) for part in self.parts]
        return [join_scores(scores) for scores in zip(*by_part, strict=True)]

    def encoder_scores(self, encoder: Encoder) -> Scores:
        """Scores of an encoder such as ``bm25``."""
        return join_scores([score_encoder(encoder, part.questions, part.pool) for part in self.parts])


def join_scores(scores: Sequence[Scores]) -> Scores:
    """Concatenated scores of one system over several lists of questions."""
    values = {name: np.concatenate([one.values[name] for one in scores]) for name in scores[0].values}
    return Scores(scores[0].system, scores[0].dim, values)


def read_test_set(
    data: Path, rows: Iterable[Mapping[str, Any]], seed: int, most_documents: int | None = None
) -> TestSet:
    """Questions of joined ``triplets`` with their pools.

    :param most_documents: Maximum number of documents of a pool besides the questions' own, first by keyed hash.
    """
    by_pool: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_pool.setdefault(row["pool"], []).append(row)
    return TestSet(tuple(_searched(data, pool, by_pool[pool], seed, most_documents) for pool in sorted(by_pool)))


def _searched(data: Path, name: str, rows: Sequence[Mapping[str, Any]], seed: int, most: int | None) -> Searched:
    corpus: Any = load("corpus", data, split=name, images="bytes", join=False)
    ids = corpus.data.column("doc_id").to_pylist()
    groups = dict(zip(ids, corpus.data.column("group").to_pylist(), strict=True)) if name == WEB else {}
    positives = [sorted({row["positive_id"], *(one["doc_id"] for one in row["positives"])}) for row in rows]
    chosen = _chosen(ids, {one for listed in positives for one in listed}, seed, most)
    questions = tuple(_question(row, listed, groups) for row, listed in zip(rows, positives, strict=True))
    captions = [tuple(one) for one in corpus.data.column("captions").take(chosen).to_pylist()]
    return Searched(questions, Pool([ids[row] for row in chosen], _Contents(corpus, chosen), captions))


def _chosen(ids: Sequence[str], needed: set[str], seed: int, most: int | None) -> list[int]:
    others = [row for row, name in enumerate(ids) if name not in needed]
    if most is not None and len(others) > most:
        others = sorted(others, key=lambda row: (keyed_hash(seed, "pool", ids[row]), ids[row]))[:most]
    return sorted([*others, *(row for row, name in enumerate(ids) if name in needed)])


def _question(row: Mapping[str, Any], positives: Sequence[str], groups: Mapping[str, str]) -> Question:
    query = row["query"]
    content = ModelInput(query["text"], tuple(query["images"]), "query", row["instruction"])
    group = groups.get(row["positive_id"], row["positive_id"])
    return Question(row["query_id"], row["dataset"], row["kind"], content, tuple(positives), group)
