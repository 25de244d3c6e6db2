"""Token recall and precision: how much of the known documents stands in what was retrieved, within a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from nyxqa.builders.evaluate.questions import EvalSet, Question
from nyxqa.builders.evaluate.rankings import Ranking
from nyxqa.retriever.evaluation.spans import Cover, Piece, within_budget

Lengths = Mapping[str, npt.NDArray[np.int64]]


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
