"""Figures of an evaluation: means with intervals by dataset, kind and prefix length, and paired differences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.builders.evaluate.questions import Question
from nyxqa.builders.evaluate.rankings import Ranking
from nyxqa.retriever.evaluation.bootstrap import Interval, intervals
from nyxqa.retriever.evaluation.ranking import measures
from nyxqa.retriever.evaluation.significance import sign_flips

ALL = "all"
GOLDEN = "golden@1"
# The figures whose differences are tested.
COMPARED = (GOLDEN, "recall@10", "mrr", "ndcg@10", "accuracy", "em", "f1", "nugget_recall", "abstained")
_DIGITS = 6
_DEEP = (50, 100)  # further ranks of recall

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """The figures of one system question by question.

    :param values: float64 [questions] by figure, NaN where a figure is not defined for a question.
    :param k: Number of documents before the question; None for figures of retrieval.
    :param counts: Further counts over all questions.
    """

    system: str
    dim: int
    values: dict[str, Values]
    k: int | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name with the prefix length, where there is one."""
        return f"{self.system} ({self.dim})" if self.dim else self.system


@dataclass(frozen=True)
class Slices:
    """Questions by dataset and kind.

    :param questions: All questions, in the order of the values.
    """

    questions: Sequence[Question]

    def each(self) -> Iterator[tuple[str, str, list[int]]]:
        """Dataset, kind and numbers of the questions of each slice; slices equal to a wider one are left out."""
        datasets = sorted({one.dataset for one in self.questions})
        for dataset in [ALL, *(datasets if len(datasets) > 1 else [])]:
            rows = [row for row, one in enumerate(self.questions) if dataset in (ALL, one.dataset)]
            kinds = sorted({self.questions[row].kind for row in rows})
            for kind in [ALL, *(kinds if len(kinds) > 1 else [])]:
                yield dataset, kind, [row for row in rows if kind in (ALL, self.questions[row].kind)]

    def datasets(self) -> list[tuple[str, list[int]]]:
        """Numbers of all questions, and of those of each dataset where there are several."""
        return [(dataset, rows) for dataset, kind, rows in self.each() if kind == ALL]

    @property
    def groups(self) -> list[str]:
        """Group of each question."""
        return [one.group for one in self.questions]


def retrieval_scores(ranking: Ranking) -> Scored:
    """Golden document on top, recall, MRR and nDCG of every question with a known document."""
    known = np.array([len(ranks) > 0 for ranks in ranking.ranks], dtype=bool)
    ranks = [one for one in ranking.ranks if len(one)]
    deep = {f"recall@{k}": np.array([float(np.mean(one <= k)) for one in ranks]) for k in _DEEP}
    found = {GOLDEN: np.array([float(one[0] == 1) for one in ranks]), **measures(ranks), **deep}
    values = {}
    for name, some in found.items():
        values[name] = np.full(len(known), np.nan)
        values[name][known] = some
    return Scored(ranking.system, ranking.dim, values)


def lines(scores: Sequence[Scored], slices: Slices) -> list[dict[str, Any]]:
    """Mean and 95 % interval of every figure in every slice."""
    names = [(number, name) for number, one in enumerate(scores) for name in one.values]
    groups, found = slices.groups, []
    for dataset, kind, rows in slices.each():
        table = np.stack([scores[number].values[name][rows] for number, name in names], axis=1)
        means = intervals(table, [groups[row] for row in rows], f"{dataset}/{kind}")
        for (number, name), value in zip(names, means, strict=True):
            if value.count:
                one = scores[number]
                where = {"system": one.system, "dim": one.dim, "k": one.k, "dataset": dataset, "kind": kind}
                found.append({**where, "metric": name, **rounded(value)})
    return found


def differences(
    pairs: Sequence[tuple[Scored, Scored]],
    slices: Slices,
    graded: Sequence[str] = (),
    not_ranked: Collection[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """Paired differences of two systems: mean, interval, and the probability by flipping the signs of groups.

    :param graded: Figures from judgements.
    :param not_ranked: Pairs of systems, by label, that judgements cannot rank.
    """
    columns = [
        (first, second, metric)
        for first, second in pairs
        for metric in _compared(first, second, () if (first.label, second.label) in not_ranked else graded)
    ]
    if not columns:
        return []
    gains = np.stack([first.values[metric] - second.values[metric] for first, second, metric in columns], axis=1)
    groups, found = slices.groups, []
    for dataset, rows in slices.datasets():
        of = [groups[row] for row in rows]
        values = intervals(gains[rows], of, f"gain/{dataset}")
        chances = sign_flips(gains[rows], of, dataset)
        for (first, second, metric), value, p in zip(columns, values, chances, strict=True):
            if value.count:
                names = {"system": first.label, "other": second.label, "k": first.k, "dataset": dataset}
                found.append({**names, "metric": metric, **rounded(value), "p": round(p, _DIGITS)})
    return found


def _compared(first: Scored, second: Scored, graded: Sequence[str]) -> list[str]:
    """Figures that both systems have and whose differences are tested."""
    shared = [name for name in first.values if name in second.values]
    return [name for name in shared if name in (*COMPARED, *graded) or name.startswith("token_")]


def paired(scores: Sequence[Scored]) -> list[tuple[Scored, Scored]]:
    """Pairs to compare: each two systems at their longest vectors, and each system with its own shorter ones."""
    longest: dict[tuple[str, int | None], Scored] = {}
    for one in scores:
        known = longest.get((one.system, one.k))
        longest[one.system, one.k] = one if known is None or one.dim > known.dim else known
    best = list(longest.values())
    across = [(one, other) for number, one in enumerate(best) for other in best[number + 1 :] if one.k == other.k]
    across += [(one, other) for other in best if other.k == 0 for one in best if one.k]
    within = [
        (longest[one.system, one.k], one) for one in scores if one.dim and one.dim < longest[one.system, one.k].dim
    ]
    return across + within


def means(score: Scored) -> dict[str, float]:
    """Mean of each figure over the questions that it is defined for."""
    return {
        name: round(float(values[~np.isnan(values)].mean()), _DIGITS)
        for name, values in score.values.items()
        if not np.isnan(values).all()
    }


def rounded(value: Interval) -> dict[str, Any]:
    """As JSON types, with six digits."""
    return {name: part if isinstance(part, int) else round(part, _DIGITS) for name, part in asdict(value).items()}
