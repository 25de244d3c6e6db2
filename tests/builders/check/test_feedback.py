"""Feedback that does not follow from its answers, and candidates that must not be there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nyxqa.builders.check.structure import check
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.feedback.options import FeedbackOptions
from nyxqa.builders.feedback.run import feedback
from tests.support.oracle_model import oracle_of
from tests.support.restamp import Row, read, restage, restamp, rewrite
from tests.support.vlm_server import VlmServer


@pytest.fixture(scope="module")
def answered(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("answered") / "out"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    settings = {"feedback.top_k": 6, "feedback.window": 2, "feedback.stride": 2}
    with VlmServer(reply=oracle_of(out).reply) as server:
        feedback(out, FeedbackOptions("bm25", f"openai:m@{server.url}", settings=settings), Progress())
    restamp(out)
    return out


@pytest.fixture
def out(answered: Path, tmp_path: Path) -> Path:
    shutil.copytree(answered, tmp_path / "out", ignore=shutil.ignore_patterns(".work"))
    return tmp_path / "out"


def first(rows: list[Row]) -> Row:
    """A row with positives, negatives and two windows."""
    return next(row for row in rows if row["positive_ids"] and row["negative_ids"] and len(row["candidates"]) > 2)


def test_whole(out: Path) -> None:
    assert check(out).failed == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row["positive_ids"].append(row["negative_ids"].pop()),
        lambda row: row["negative_ids"].append(row["negative_ids"][0]),
        lambda row: [one.update(prediction=None, f1=None, correct=None) for one in row["candidates"]],
    ],
    ids=["wrong positive", "twice", "not answered"],
)
def test_labels(out: Path, change: Callable[[Row], object]) -> None:
    rewrite(out, "feedback", "train", lambda rows: [change(first(rows)), None][1])
    assert "feedback_labels" in check(out).failed


def test_right_negative(out: Path) -> None:
    rewrite(
        out, "feedback", "train", lambda rows: first(rows)["negative_ids"].append(first(rows)["positive_ids"].pop())
    )
    assert "feedback_labels" in check(out).failed


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row["candidates"].reverse(),
        lambda row: row["candidates"][0].update(rank=None),
        lambda row: row["candidates"].append(row["candidates"][-1]),
        lambda row: row["candidates"][0].update(rank=0),
    ],
    ids=["descending", "null", "twice", "from 0"],
)
def test_ranks(out: Path, change: Callable[[Row], object]) -> None:
    rewrite(out, "feedback", "train", lambda rows: [change(first(rows)), None][1])
    assert "feedback_ranks" in check(out).failed


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row["candidates"][0].update(f1=0.4, correct=True),
        lambda row: row["candidates"][0].update(f1=1.5, correct=True),
        lambda row: row["closed_book"].update(f1=0.5, correct=False),
        lambda row: row["closed_book"].update(prediction=None),
    ],
    ids=["below the threshold", "above 1", "at the threshold", "score without answer"],
)
def test_scores(out: Path, change: Callable[[Row], object]) -> None:
    rewrite(out, "feedback", "train", lambda rows: [change(first(rows)), None][1])
    assert "feedback_scores" in check(out).failed


def test_windows(out: Path) -> None:
    rewrite(out, "feedback", "train", lambda rows: first(rows)["candidates"][0].update(prediction="something else"))
    assert check(out).failed == ("feedback_windows",)


def test_a_candidate_of_another_split(out: Path) -> None:
    away = next(row["doc_id"] for row in read(out, "corpus", "web") if row["split"] == "test")
    rewrite(out, "feedback", "train", lambda rows: first(rows)["candidates"][-1].update(doc_id=away))
    assert "feedback_splits" in check(out).failed


def test_a_label_that_is_no_candidate(out: Path) -> None:
    rewrite(out, "feedback", "train", lambda rows: first(rows)["negative_ids"].append("f" * 32))
    assert check(out).failed == ("feedback_candidates",)


def test_a_candidate_that_is_nowhere(out: Path) -> None:
    rewrite(out, "feedback", "train", lambda rows: first(rows)["candidates"][-1].update(doc_id="f" * 32))
    assert "dangling_documents" in check(out).failed


def test_a_row_of_no_triplet(out: Path) -> None:
    rewrite(out, "feedback", "train", lambda rows: rows[0].update(query_id="0" * 32))
    assert "dangling_triplets" in check(out).failed


def test_rows_out_of_order(out: Path) -> None:
    rewrite(out, "feedback", "train", lambda rows: [*rows[1:], rows[0]])
    assert check(out).failed == ("row_order",)


def test_numbers_of_the_stage(out: Path) -> None:
    restage(out, "feedback", "train", dropped=1)
    assert set(check(out).failed) == {"ledger_sums", "ledger_dropped"}
