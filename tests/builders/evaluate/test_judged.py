"""Judgements: figures by hand, and systems that they cannot rank."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import nyxqa
from nyxqa.retriever.evaluation.ranking import graded_measures
from tests.support.asked import asked_in_test, triplets
from tests.support.facts import Facts


def test_graded_figures_by_hand() -> None:
    found = graded_measures([1, None, 2, 0], [2, 1, 1, 0])
    ideal = 2 + 1 / math.log2(3) + 1 / 2
    assert found["graded_ndcg@10"] == pytest.approx((1 + 2 / math.log2(4)) / ideal)
    assert (found["relevant@1"], found["judged@10"], found["unjudged@10"]) == (1, 0.75, 0.25)
    assert graded_measures([], [2])["relevant@1"] == 0
    assert graded_measures([None], [0])["graded_ndcg@10"] == 0


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Facts, Path]:
    """Every question of pool web has three judged documents: its source, one that helps, one that does not."""
    facts = Facts(24, 30)
    rows = []
    for row in facts.tiny.tables["triplets"]["train"]:
        others = [one["doc_id"] for one in facts.pools["web"] if one["doc_id"] != row["positive_id"]][:2]
        grades = zip([row["positive_id"], *others], (2, 1, 0), strict=True)
        if row["pool"] == "web":
            rows += [
                {"query_id": row["query_id"], "doc_id": doc, "grade": grade, "by": "made", "span": None}
                for doc, grade in grades
            ]
    facts.tiny.tables["qrels"] = {"test": sorted(rows, key=lambda row: (row["query_id"], row["doc_id"]))}
    return asked_in_test(facts, tmp_path / "data"), tmp_path / "data"


def test_a_ranking_by_grade_and_one_of_what_nobody_judged(judged: tuple[Facts, Path], tmp_path: Path) -> None:
    facts, root = judged
    grades: dict[str, dict[str, int]] = {}
    for row in facts.tiny.tables["qrels"]["test"]:
        grades.setdefault(row["query_id"], {})[row["doc_id"]] = row["grade"]
    lines: dict[str, list[str]] = {"best": [], "helpful": [], "unknown": []}
    for row in triplets(facts):
        own = grades.get(row["query_id"], {})
        by_grade = sorted(own, key=lambda doc: -own[doc])
        unknown = [one["doc_id"] for one in facts.pools[row["pool"]] if one["doc_id"] not in own][:3]
        orders = {
            "best": by_grade,
            "helpful": [by_grade[1], by_grade[2], by_grade[0]] if own else [],
            "unknown": unknown,
        }
        for name, order in orders.items():
            lines[name] += [json.dumps({"query_id": row["query_id"], "doc_id": doc}) for doc in order]
    for name, listed in lines.items():
        (tmp_path / name).write_text("\n".join(listed))
    result = nyxqa.evaluate(root, runs={name: tmp_path / name for name in lines})
    best, helpful, unknown = result["systems"]
    assert (best["graded_ndcg@10"], best["relevant@1"], best["judged@10"]) == (1, 1, 1)
    ideal = 2 + 1 / math.log2(3)
    assert helpful["graded_ndcg@10"] == pytest.approx((1 + 2 / math.log2(4)) / ideal, abs=1e-6)
    assert helpful["relevant@1"] == 1 and helpful["golden@1"] == 0
    assert (unknown["graded_ndcg@10"], unknown["judged@10"], unknown["unjudged@10"]) == (0, 0, 1)
    assert [(one["system"], one["other"]) for one in result["not_ranked"]] == [
        ("best", "unknown"),
        ("helpful", "unknown"),
    ]
    graded = {(one["system"], one["other"]) for one in result["differences"] if one["metric"] == "graded_ndcg@10"}
    assert graded == {("best", "helpful")}
    report = (root / "evaluation" / "test.md").read_text()
    assert "best and unknown are not ranked by judgements: 100.00 % and 0.00 %" in report
    # Only questions with judgements count: those of pool wiki have none.
    (line,) = [
        one
        for one in result["lines"]
        if (one["system"], one["metric"], one["dataset"], one["kind"]) == ("best", "judged@10", "all", "all")
    ]
    assert line["count"] == len(grades) < 24
