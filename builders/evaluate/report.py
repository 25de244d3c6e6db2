"""The figures of an evaluation put together, as JSON types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nyxqa.builders.evaluate.answers import CLOSED_BOOK, Answers, answer_scores, usage
from nyxqa.builders.evaluate.figures import Scored, Slices, differences, lines, means, paired, retrieval_scores
from nyxqa.builders.evaluate.options import EvaluateOptions
from nyxqa.builders.evaluate.questions import EvalSet
from nyxqa.builders.evaluate.rankings import DEPTH, Ranking
from nyxqa.builders.evaluate.sections import (
    GRADED,
    golden_by_correct,
    graded_values,
    mcnemar_tests,
    not_ranked,
    read_grades,
    text_lengths,
    token_values,
)


@dataclass(frozen=True)
class Measured:
    """What an evaluation found out.

    :param answers: Answers with the documents of each ranking, and closed-book ones, where a model was asked.
    :param generator: The model that answered.
    """

    questions: EvalSet
    rankings: Sequence[Ranking]
    notes: Sequence[str] = ()
    answers: Sequence[Answers] = ()
    generator: str = ""

    @property
    def slices(self) -> Slices:
        """The questions by dataset and kind."""
        return Slices(self.questions.questions)


@dataclass(frozen=True)
class _System:
    """The scores of a system at one prefix length."""

    retrieved: Scored | None
    searched: Mapping[str, Any] | None = None
    answered: dict[int, Scored] = field(default_factory=dict)


def figures(measured: Measured, options: EvaluateOptions) -> dict[str, Any]:
    """All figures of an evaluation."""
    questions, slices = measured.questions, measured.slices
    systems = _systems(measured, options.budgets)
    retrieved = [one.retrieved for one in systems.values() if one.retrieved is not None]
    answered = [score for one in systems.values() for score in one.answered.values()]
    first_k = min((score.k for score in answered if score.k), default=0)
    pairs = paired(retrieved)
    refused = not_ranked(pairs)
    chosen = paired([score for score in answered if score.k in (0, first_k)])
    return {
        "split": options.split,
        "data": questions.state,
        "questions": len(questions),
        "groups": len(set(slices.groups)),
        "pools": {
            name: {"documents": len(pool.places), "whole": questions.is_whole(name)}
            for name, pool in questions.pools.items()
        },
        "settings": {
            **{"datasets": list(options.datasets), "limit": options.limit, "depth": DEPTH},
            "top_k": list(options.top_k) if answered else [],
        },
        "generator": measured.generator,
        "notes": list(measured.notes),
        "systems": [_row(system, dim, one, first_k, slices) for (system, dim), one in systems.items()],
        "lines": lines([*retrieved, *answered], slices),
        "differences": differences(
            [*pairs, *chosen], slices, GRADED, {(one["system"], one["other"]) for one in refused}
        ),
        "not_ranked": refused,
        "mcnemar": mcnemar_tests(chosen, slices),
        "golden_correct": [
            row
            for one in systems.values()
            if one.retrieved is not None and first_k in one.answered
            for row in golden_by_correct(one.retrieved, one.answered[first_k], slices)
        ],
        "usage": usage(measured.answers),
    }


def _systems(measured: Measured, budgets: Sequence[int]) -> dict[tuple[str, int], _System]:
    """Scores by system and prefix length, closed-book answers first."""
    found: dict[tuple[str, int], _System] = {}
    asked, lengths = measured.questions.questions, text_lengths(measured.questions)
    grades = read_grades(measured.questions)
    for ranking in measured.rankings:
        scores = retrieval_scores(ranking)
        judged = graded_values(measured.questions, ranking, grades)
        tokens = token_values(measured.questions, ranking, lengths, budgets)
        values = {**scores.values, **tokens, **judged}
        found[ranking.system, ranking.dim] = _System(replace(scores, values=values), ranking.searched)
    for answers in measured.answers:
        one = found.setdefault((answers.system, answers.dim), _System(None))
        one.answered.update({k: answer_scores(asked, answers, k) for k in answers.by_k})
    return dict(sorted(found.items(), key=lambda item: item[0][0] != CLOSED_BOOK))


def _row(system: str, dim: int, scores: _System, first_k: int, slices: Slices) -> dict[str, Any]:
    """Means of a system over all questions and by dataset."""
    k = 0 if system == CLOSED_BOOK else first_k
    answered = scores.answered.get(k)
    chosen = [one for one in (scores.retrieved, answered) if one is not None]
    by_dataset = {
        dataset: _merged(means(_part(one, [row for row, q in enumerate(slices.questions) if q.dataset == dataset]))
                         for one in chosen)
        for dataset in sorted({one.dataset for one in slices.questions})
    }  # fmt: skip
    row = {"system": system, "dim": dim, **_merged(map(means, chosen))}
    if scores.searched is not None:
        row["search"] = scores.searched
    if answered is not None:
        row |= {"k": k, **answered.counts}
        row["by_k"] = {str(one): {**means(score), **score.counts} for one, score in scores.answered.items()}
    return {**row, "datasets": by_dataset}


def _merged(several: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    return {name: value for one in several for name, value in one.items()}


def _part(score: Scored, rows: Sequence[int]) -> Scored:
    return Scored(score.system, score.dim, {name: values[rows] for name, values in score.values.items()}, score.k)
