"""Measures against numbers worked out by hand, and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.evaluation import evaluate
from nyxqa.retriever.evaluation.bootstrap import interval
from nyxqa.retriever.evaluation.evaluate import Pool, Question, gain, score_encoder, score_model, summarise
from nyxqa.retriever.evaluation.ranking import DenseRanker, id_order, measures
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.errors import LawError


def test_ranks_are_exact_and_ties_stand_by_id() -> None:
    documents = np.array([[1, 0], [0.5, 0], [0.5, 0], [0, 1]], dtype=np.float32)
    ranker = DenseRanker(np.array([[1, 0], [0, 1]], dtype=np.float32), documents, id_order(["d", "c", "b", "a"]))
    assert [ranks.tolist() for ranks in ranker.ranks([[1, 0], [3]])] == [[1, 3], [1]]
    assert [ranks.tolist() for ranks in ranker.ranks([[2], [0]])] == [[2], [4]]


def test_measures_by_hand() -> None:
    found = measures([np.array([1.0]), np.array([3.0]), np.array([2.0, 12.0]), np.array([np.inf])])
    assert found["recall@1"].tolist() == [1, 0, 0, 0]
    assert found["recall@5"].tolist() == [1, 1, 0.5, 0]
    assert found["recall@20"].tolist() == [1, 1, 1, 0]
    assert found["mrr"].tolist() == pytest.approx([1, 1 / 3, 1 / 2, 0])
    two = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert found["ndcg@10"].tolist() == pytest.approx([1, 1 / 2, two, 0])


def test_interval_holds_the_mean_and_depends_on_its_name_alone() -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, 400)
    one = interval(values, "mrr")
    assert one.low < one.mean < one.high and one.count == 400
    assert one.mean == pytest.approx(values.mean())
    assert (one.high - one.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert interval(values, "mrr") == one
    assert interval(values, "recall") != one


def test_groups_widen_an_interval() -> None:
    """Ten copies of forty values tell no more than forty values."""
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 40), 10)
    groups = [str(row // 10) for row in range(400)]
    alone, grouped = interval(values, "mrr"), interval(values, "mrr", groups=groups)
    assert grouped.high - grouped.low > 2.5 * (alone.high - alone.low)


def test_no_questions_give_no_number() -> None:
    assert math.isnan(interval(np.array([]), "mrr").mean)


TEXTS = ["the mill by the river", "a bridge of stone", "green parrots", "the tower on the hill"]
POOL = Pool(["d0", "d1", "d2", "d3"], [ModelInput(text) for text in TEXTS], [("",)] * 4)


def question(number: int, text: str, kind: str = "text", dataset: str = "nyxqa") -> Question:
    return Question(f"q{number}", dataset, kind, ModelInput(text, role="query"), (f"d{number}",))


QUESTIONS = [question(0, "which mill?"), question(1, "which bridge?"), question(3, "zebra", "single", "other")]


def test_what_is_asked_at_once_changes_no_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score_encoder(Bm25Encoder(), QUESTIONS, POOL)
    monkeypatch.setattr(evaluate, "_LISTED", 1)
    assert score_encoder(Bm25Encoder(), QUESTIONS, POOL).values["mrr"].tolist() == whole.values["mrr"].tolist()


def test_systems_side_by_side() -> None:
    bm25 = score_encoder(Bm25Encoder(), QUESTIONS, POOL)
    assert bm25.values["mrr"].tolist() == [1, 1, 0]  # zebra finds nothing
    long, short = score_model(TinyModel(), QUESTIONS, POOL, (256, 64))
    assert long.values["recall@1"][:2].tolist() == [1, 1]
    assert (long.dim, short.dim, bm25.dim) == (256, 64, 0)
    lines = {
        (line.system, line.dataset, line.kind, line.dim, line.metric): line.value
        for line in summarise([bm25, long], QUESTIONS)
    }
    assert lines["bm25", "all", "all", 0, "mrr"].mean == pytest.approx(2 / 3)
    assert lines["bm25", "all", "text", 0, "mrr"].mean == 1
    assert lines["bm25", "other", "all", 0, "mrr"].mean == 0
    assert lines["tiny", "nyxqa", "all", 256, "recall@1"].count == 2
    assert gain(bm25, bm25, QUESTIONS, "mrr").high == 0


def test_a_positive_outside_the_pool_is_named() -> None:
    lost = Question("q", "nyxqa", "text", ModelInput("x"), ("d9",))
    with pytest.raises(LawError, match=r"question q: its positives \['d9'\] are not all in the pool"):
        score_encoder(Bm25Encoder(), [lost], POOL)
