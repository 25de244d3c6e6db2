"""The mining report: what became of the questions of a set, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.formatting import counted, listed
from nyxqa.builders.mining.text_rules import Choice

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class MiningReport:
    """Statistics of a set's triplets; all values are JSON types.

    :param questions: Number of questions.
    :param triplets: Questions with a positive.
    :param dropped: Questions without a positive, by reason.
    :param excluded: Passages within the window of ranks that are not negatives, by rule.
    :param asked: Negatives that a question should have.
    :param short: Triplets with fewer negatives.
    :param without_negatives: Triplets without any negative; included in ``short``.
    :param checked: Triplets whose answers can be searched for in a passage.
    :param holding: Triplets among ``checked`` whose first positive contains an answer.
    :param several: Triplets with more than one positive.
    :param positive_scores: Scores of first positives at the quantiles 0, .05, .25, .5, .75, .95, 1; may be empty.
    :param negative_scores: Scores of all negatives at these quantiles.
    :param difference: Score of the first positive minus that of each of its negatives, at these quantiles.
    """

    questions: int
    triplets: int
    dropped: dict[str, int]
    excluded: dict[str, int]
    asked: int
    short: int
    without_negatives: int
    checked: int
    holding: int
    several: int
    positive_scores: list[float] = field(default_factory=list)
    negative_scores: list[float] = field(default_factory=list)
    difference: list[float] = field(default_factory=list)

    @property
    def share_holding(self) -> float | None:
        """Share of the checked first positives that contain an answer; None if none was checked."""
        return self.holding / self.checked if self.checked else None

    def text(self) -> str:
        """The report as lines of text."""
        share = "unknown" if self.share_holding is None else f"{self.share_holding:.1%}"
        lines = [
            f"{counted(self.triplets, 'triplet')} of {counted(self.questions, 'question')}; "
            f"{self.several} with several positives",
            f"positives that contain an answer: {share} of {self.checked}",
            f"triplets with fewer than {self.asked} negatives: {self.short}; without any: {self.without_negatives}",
            f"questions dropped: {listed(self.dropped)}",
            f"negatives excluded by rule: {listed(self.excluded)}",
            "quantiles            " + " ".join(f"{at:>8.0%}" for at in QUANTILES),
        ]
        for label in ("positive_scores", "negative_scores", "difference"):
            values = getattr(self, label)
            shown = " ".join(f"{value:>8.3f}" for value in values) if values else "none"
            lines.append(f"{label.replace('_', ' '):<20} {shown}")
        return "\n".join(lines)


def mining_report(outcomes: Iterable[Choice | Drop], asked: int) -> MiningReport:
    """Statistics over the results of ``mine_set_question`` for all questions of a set.

    :param asked: Negatives that a question should have.
    """
    dropped: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    positives: list[float] = []
    negatives: list[float] = []
    differences: list[float] = []
    for outcome in outcomes:
        if isinstance(outcome, Drop):
            dropped[outcome.reason] += 1
            continue
        marks.update(_marks(outcome, asked))
        excluded.update(outcome.excluded)
        scores = [negative.score for negative in outcome.negatives if negative.score is not None]
        negatives += scores
        best = outcome.positives[0].score
        if best is not None:
            positives.append(best)
            differences += [best - score for score in scores]
    return MiningReport(
        questions=marks["triplet"] + dropped.total(),
        triplets=marks["triplet"],
        dropped=dict(sorted(dropped.items())),
        excluded=dict(sorted(excluded.items())),
        asked=asked,
        short=marks["short"],
        without_negatives=marks["none"],
        checked=marks["checked"],
        holding=marks["holding"],
        several=marks["several"],
        positive_scores=_quantiles(positives),
        negative_scores=_quantiles(negatives),
        difference=_quantiles(differences),
    )


def _marks(choice: Choice, asked: int) -> list[str]:
    count = len(choice.negatives)
    flags = {
        "triplet": True,
        "short": count < asked,
        "none": count == 0,
        "checked": choice.positive_holds is not None,
        "holding": bool(choice.positive_holds),
        "several": len(choice.positives) > 1,
    }
    return [mark for mark, is_set in flags.items() if is_set]


def _quantiles(values: list[float]) -> list[float]:
    return [float(value) for value in np.quantile(values, QUANTILES)] if values else []
