"""Parts of an evaluation beyond rankings: judgements (``qrels``), evidence within a budget, retrieval and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.evaluate.answers import CORRECT
from nyxqa.builders.evaluate.figures import GOLDEN, Scored, Slices
from nyxqa.builders.evaluate.questions import EvalSet, Question
from nyxqa.builders.evaluate.rankings import Ranking, Shown
from nyxqa.retriever.evaluation.ranking import GRADED_NDCG, JUDGED, RELEVANT, graded_measures
from nyxqa.retriever.evaluation.significance import mcnemar
from nyxqa.retriever.evaluation.spans import Cover, Piece, within_budget

# Two systems are not ranked by judgements if the shares of their documents that were judged differ by more.
MOST_DIFFERENCE = 0.1
GRADED = (GRADED_NDCG, RELEVANT)
_COLUMNS = ["query_id", "doc_id", "grade"]

Grades = Mapping[str, Mapping[int, int]]

Lengths = Mapping[str, npt.NDArray[np.int64]]

_DIGITS = 6


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


def text_lengths(questions: EvalSet) -> dict[str, npt.NDArray[np.int64]]:
    """Characters of each document, by pool."""
    return {
        pool: pc.utf8_length(questions.documents(pool).table.column("text")).to_numpy().astype(np.int64)
        for pool in questions.pools
    }


def token_values(
    questions: EvalSet, ranking: Ranking, lengths: Lengths, budgets: Sequence[int]
) -> dict[str, npt.NDArray[np.float64]]:
    """Token recall and precision of each question at each budget; NaN without a known document.

    :param budgets: Tokens, of four characters each.
    """
    names = [f"{name}@{budget}" for budget in budgets for name in ("token_recall", "token_precision")]
    values = {name: np.full(len(questions), np.nan) for name in names}
    for number, question in enumerate(questions.questions):
        if not question.positives:
            continue
        rows = questions.rows_of(question)
        sizes = [max(1, int(lengths[question.pool][row])) for row in rows]
        pieces = _pieces(ranking, number, question, rows, lengths)
        for budget in budgets:
            recall, precision = within_budget(pieces, sizes, budget, question.needs == "all")
            values[f"token_recall@{budget}"][number] = recall
            values[f"token_precision@{budget}"][number] = precision
    return values


def _pieces(
    ranking: Ranking, number: int, question: Question, rows: Sequence[int], lengths: Lengths
) -> Sequence[Piece]:
    """What was retrieved; the documents of a ranking of ours are pieces of themselves."""
    if ranking.pieces is not None:
        return ranking.pieces[number]
    found = []
    for (row,) in ranking.items[number]:
        size = max(1, int(lengths[question.pool][int(row)]))
        found.append(Piece(size, (Cover(rows.index(int(row)), 0, size),) if row in rows else ()))
    return found


def golden_by_correct(retrieved: Scored, answered: Scored, slices: Slices) -> list[dict[str, Any]]:
    """Questions by whether the golden document is on top and the answer is right, for each dataset."""
    golden, correct = retrieved.values[GOLDEN], answered.values[CORRECT]
    found = []
    for dataset, rows in slices.datasets():
        kept = [row for row in rows if not np.isnan(golden[row]) and not np.isnan(correct[row])]
        if not kept:
            continue
        on_top, right = golden[kept] == 1, correct[kept] == 1
        counts = {
            "golden_correct": int((on_top & right).sum()),
            "golden_wrong": int((on_top & ~right).sum()),
            "other_correct": int((~on_top & right).sum()),
            "other_wrong": int((~on_top & ~right).sum()),
        }
        where = {"system": answered.system, "dim": answered.dim, "k": answered.k, "dataset": dataset}
        found.append({**where, "questions": len(kept), **counts})
    return found


def mcnemar_tests(pairs: Sequence[tuple[Scored, Scored]], slices: Slices) -> list[dict[str, Any]]:
    """McNemar's test of the right answers of each pair, for each dataset: chi-square without correction, and exact."""
    found = []
    for first, second in pairs:
        if CORRECT not in first.values or CORRECT not in second.values:
            continue
        for dataset, rows in slices.datasets():
            one, other = first.values[CORRECT][rows], second.values[CORRECT][rows]
            known = ~(np.isnan(one) | np.isnan(other))
            if not known.any():
                continue
            test = mcnemar(one[known] == 1, other[known] == 1)
            numbers = {
                name: part if isinstance(part, int) else round(part, _DIGITS) for name, part in asdict(test).items()
            }
            names = {"system": first.label, "other": second.label, "k": first.k, "dataset": dataset}
            found.append({**names, "questions": int(known.sum()), **numbers})
    return found
