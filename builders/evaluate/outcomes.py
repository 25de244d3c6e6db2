"""How retrieval and answers go together: Fig. 6 of the Nyx paper, and McNemar's test of right answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nyxqa.builders.evaluate.answers import CORRECT
from nyxqa.builders.evaluate.figures import GOLDEN, Scored, Slices
from nyxqa.retriever.evaluation.significance import mcnemar

_DIGITS = 6


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
