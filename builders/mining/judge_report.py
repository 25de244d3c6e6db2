"""How many negatives turned out to answer their question, with intervals, and the rate corrected by reviewed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import pyarrow.parquet as pq

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.qa.options_probe import wilson_interval

_Z = 1.959964  # of a two-sided interval of 95 %


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Reviewed:
    """Judged negatives that people judged as well, chosen whatever the model said.

    :param answering: Those that answer their question as people say; ``found`` of them the model found.
    :param others: Those that do not; the model took ``mistaken`` of them for answering.
    """

    answering: int
    found: int
    others: int
    mistaken: int


def judge_counts(judged: Mapping[str, StepOutput]) -> dict[str, dict[str, Any]]:
    """Part ``judge`` of the summary: for each ``DATASET SPLIT`` how many negatives were judged and what was found.

    ``judged`` negatives got a usable answer, ``failed`` none; ``found`` answer their question, so they were false
    negatives; ``low`` and ``high`` bound their share.

    :param judged: Output of each judging step.
    """
    return {name: _counts(output) for name, output in judged.items()}


def _counts(output: StepOutput) -> dict[str, Any]:
    questions = positives = 0
    outcomes: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    for file in output.files():
        for row in pq.read_table(file, columns=["judged", "positives"]).to_pylist():
            questions += 1
            positives += sum(one["origin"] == "judged" for one in row["positives"])
            for one in row["judged"]:
                outcomes[one["answers"]] += 1
    total = outcomes[True] + outcomes[False]
    counts = {"questions": questions, "judged": total, "failed": outcomes[None], "found": outcomes[True]}
    return {**counts, "positives": positives, **({} if not total else asdict(share(outcomes[True], total)))}


def corrected(counts: Mapping[str, Mapping[str, Any]], reviews: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Part ``judge`` of the summary with the rates that reviewed negatives correct, where there are any.

    :param counts: As ``judge_counts`` gives them, by ``DATASET SPLIT``.
    :param reviews: By split, what reviewers said; ``judge_reviewed`` has the counts of ``Reviewed`` by dataset.
    """
    made: dict[str, Any] = {name: dict(own) for name, own in counts.items()}
    for split, figures in reviews.items():
        for dataset, reviewed in figures["judge_reviewed"].items():
            own = made.get(f"{dataset} {split}", {"judged": 0, "found": 0})
            rate = corrected_rate(own["found"], own["judged"], Reviewed(**reviewed))
            if rate is not None:
                documents = reviewed["answering"] + reviewed["others"]
                own["corrected"] = {"reviewed": documents, **asdict(rate)}
    return made


def share(found: int, total: int) -> Rate:
    """A share of independent cases with Wilson's interval."""
    low, high = wilson_interval(found, total)
    return Rate(found / total, low if found else 0.0, high if found < total else 1.0)


def corrected_rate(found: int, judged: int, reviewed: Reviewed) -> Rate | None:
    """The share of false negatives among the judged ones, corrected for the model's errors (Rogan and Gladen).

    Sensitivity and specificity are estimated from the reviewed sample; the interval is that of Lang and Reiczigel
    (2014), which accounts for the uncertainty of both. None where the model, by that sample, is no better than chance.

    :param found: Judged negatives that answer their question, as the model says.
    """
    sensitivity = (reviewed.found + 1) / (reviewed.answering + 2)
    specificity = (reviewed.others - reviewed.mistaken + 1) / (reviewed.others + 2)
    skill = sensitivity + specificity - 1
    if not judged or skill <= 0:
        return None
    seen = (found + _Z * _Z / 2) / (judged + _Z * _Z)
    rate = (seen + specificity - 1) / skill
    of_sensitivity = _variance(reviewed.found, reviewed.answering)
    of_specificity = _variance(reviewed.mistaken, reviewed.others)
    shift = 2 * _Z * _Z * (rate * of_sensitivity - (1 - rate) * of_specificity)
    variance = seen * (1 - seen) / (judged + _Z * _Z) + rate**2 * of_sensitivity + (1 - rate) ** 2 * of_specificity
    half = _Z * sqrt(variance) / skill
    low, high = (min(1.0, max(0.0, rate + shift + side * half)) for side in (-1, 1))
    return Rate(min(1.0, max(0.0, rate)), low, high)


def _variance(count: int, total: int) -> float:
    """Variance of a share, two cases of each kind added (Agresti and Coull): none in a few does not mean never."""
    rate = (count + 2) / (total + 4)
    return rate * (1 - rate) / (total + 4)
