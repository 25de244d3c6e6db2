"""The mining report: what became of the questions of a set, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.formatting import listed
from nyxqa.builders.mining.text_rules import Choice

# Tails and quarters.
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class MiningReport:
    """A set's triplets in numbers; JSON types throughout.

    :param questions: Questions asked.
    :param triplets: Questions that got a positive.
    :param dropped: Questions that got none, by reason.
    :param excluded: Passages in the range of ranks that became no negatives, by rule.
    :param asked: Negatives a question should have.
    :param short: Triplets with fewer.
    :param without_negatives: Triplets with none at all; counted among the short ones.
    :param checked: Triplets whose answers can be looked for in a passage.
    :param holding: Those of them whose first positive holds an answer.
    :param several: Triplets with more than one positive.
    :param positive_scores: Scores of first positives at the quantiles 0, .05, .25, .5, .75, .95, 1; empty if none.
    :param negative_scores: The same of all negatives.
    :param difference: The same of a first positive's score less that of each of its negatives.
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
        """Share of the checked first positives that hold an answer; none if there are none."""
        return self.holding / self.checked if self.checked else None

    def text(self) -> str:
        """The report for people."""
        share = self.share_holding
        lines = [
            f"{self.triplets} triplets of {self.questions} questions; {self.several} with several positives",
            f"positives holding an answer: {f'{share:.1%}' if share is not None else 'not known'} of {self.checked}",
            f"fewer than {self.asked} negatives: {self.short}; none: {self.without_negatives}",
            f"questions dropped: {listed(self.dropped)}",
            f"no negatives by rule: {listed(self.excluded)}",
            "quantiles            " + " ".join(f"{at:>8.0%}" for at in QUANTILES),
        ]
        for label in ("positive_scores", "negative_scores", "difference"):
            values = getattr(self, label)
            shown = " ".join(f"{value:>8.3f}" for value in values) if values else "none"
            lines.append(f"{label.replace('_', ' '):<20} {shown}")
        return "\n".join(lines)


def mining_report(outcomes: Iterable[Choice | Drop], asked: int) -> MiningReport:
    """Sum up what ``choose`` said of each question of a set."""
    dropped: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    positives: list[float] = []
    negatives: list[float] = []
    differences: list[float] = []
    for outcome in outcomes:
        if isinstance(outcome, Drop):
            dropped[outcome.reason] += 1
            continue
        seen.update(_marks(outcome, asked))
        excluded.update(outcome.excluded)
        scores = [negative.score for negative in outcome.negatives if negative.score is not None]
        negatives += scores
        best = outcome.positives[0].score
        if best is not None:
            positives.append(best)
            differences += [best - score for score in scores]
    return MiningReport(
        questions=seen["triplet"] + dropped.total(),
        triplets=seen["triplet"],
        dropped=dict(sorted(dropped.items())),
        excluded=dict(sorted(excluded.items())),
        asked=asked,
        short=seen["short"],
        without_negatives=seen["none"],
        checked=seen["checked"],
        holding=seen["holding"],
        several=seen["several"],
        positive_scores=_quantiles(positives),
        negative_scores=_quantiles(negatives),
        difference=_quantiles(differences),
    )


def _marks(choice: Choice, asked: int) -> list[str]:
    count = len(choice.negatives)
    marks = {
        "triplet": True,
        "short": count < asked,
        "none": count == 0,
        "checked": choice.positive_holds is not None,
        "holding": bool(choice.positive_holds),
        "several": len(choice.positives) > 1,
    }
    return [mark for mark, is_set in marks.items() if is_set]


def _quantiles(values: list[float]) -> list[float]:
    return [float(value) for value in np.quantile(values, QUANTILES)] if values else []
