"""Judgements of the dataset (table ``qrels``) in an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from nyxqa.builders.evaluate.figures import Scored
from nyxqa.builders.evaluate.questions import EvalSet
from nyxqa.builders.evaluate.rankings import Ranking, Shown
from nyxqa.retriever.evaluation.ranking import GRADED_NDCG, JUDGED, RELEVANT, graded_measures

# Two systems are not ranked by judgements if the shares of their documents that were judged differ by more.
MOST_DIFFERENCE = 0.1
GRADED = (GRADED_NDCG, RELEVANT)
_COLUMNS = ["query_id", "doc_id", "grade"]

Grades = Mapping[str, Mapping[int, int]]


def read_grades(questions: EvalSet) -> dict[str, dict[int, int]]:
    """For each judged question the grade of each judged document, by its row in the pool.

    A document that is known to answer and was not judged has grade 2.
    """
    paths = questions.manifest.paths("qrels", questions.split)
    listed: dict[str, dict[str, int]] = {}
    for path in paths:
        for row in pq.read_table(questions.published.folder / path, columns=_COLUMNS).to_pylist():
            listed.setdefault(row["query_id"], {})[row["doc_id"]] = row["grade"]
    found = {}
    for question in questions.questions:
        if question.id in listed:
            grades = {**dict.fromkeys(question.positives, 2), **listed[question.id]}
            rows = questions.documents(question.pool).rows(list(grades)).tolist()
            found[question.id] = {row: grade for row, grade in zip(rows, grades.values(), strict=True) if row >= 0}
    return found


def graded_values(questions: EvalSet, ranking: Ranking, grades: Grades) -> dict[str, npt.NDArray[np.float64]]:
    """Figures from judgements of each question; NaN where none of its documents was judged."""
    values: dict[str, npt.NDArray[np.float64]] = {}
    for number, question in enumerate(questions.questions):
        if question.id in grades:
            own = grades[question.id]
            ranked = [_grade(item, own) for item in ranking.items[number]]
            for name, value in graded_measures(ranked, list(own.values())).items():
                values.setdefault(name, np.full(len(questions), np.nan))[number] = value
    return values


def _grade(item: Sequence[Shown], grades: Mapping[int, int]) -> int | None:
    """The best grade of the documents of a piece."""
    found = [grades[one] for one in item if isinstance(one, int) and one in grades]
    return max(found, default=None)


def not_ranked(pairs: Sequence[tuple[Scored, Scored]]) -> list[dict[str, Any]]:
    """Pairs of systems that judgements cannot rank: far less of what one retrieved was judged."""
    found = []
    for first, second in pairs:
        if JUDGED in first.values and JUDGED in second.values:
            shares = [float(np.nanmean(one.values[JUDGED])) for one in (first, second)]
            if abs(shares[0] - shares[1]) > MOST_DIFFERENCE:
                shown = {"judged": round(shares[0], 6), "judged_other": round(shares[1], 6)}
                found.append({"system": first.label, "other": second.label, **shown})
    return found
