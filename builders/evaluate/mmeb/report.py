"""Figures of MMEB-eval: precision@1 by task and meta-task, as Table 2 of the Nyx paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.builders.evaluate.figures import rounded
from nyxqa.builders.evaluate.markdown import label, percent, table
from nyxqa.builders.evaluate.mmeb.rows import META_TASKS, OTHER, meta_task
from nyxqa.retriever.evaluation.bootstrap import interval
from nyxqa.retriever.evaluation.significance import sign_flip

PRECISION = "precision@1"
_DIGITS = 6


@dataclass(frozen=True)
class Measured:
    """Right answers of one system by task, float64 [rows] each."""

    system: str
    dim: int
    right: Mapping[str, npt.NDArray[np.float64]]


def figures(tasks: Mapping[str, Any], measured: Sequence[Measured], limit: int | None) -> dict[str, Any]:
    """All figures; means over tasks, not over rows, as the benchmark has them.

    :param tasks: Counts of each task.
    """
    return {
        "benchmark": "mmeb_eval",
        "tasks": dict(tasks),
        "settings": {"limit": limit},
        "systems": [_system(one) for one in measured],
        "lines": [line for one in measured for line in _lines(one)],
        "differences": list(_differences(measured)),
    }


def _system(one: Measured) -> dict[str, Any]:
    by_task = {task: round(float(right.mean()), _DIGITS) for task, right in one.right.items()}
    return {
        "system": one.system,
        "dim": one.dim,
        PRECISION: _mean(list(by_task.values())),
        "meta_tasks": {
            meta: _mean(values)
            for meta in (*META_TASKS, OTHER)
            if (values := [value for task, value in by_task.items() if meta_task(task) == meta])
        },
        "tasks": by_task,
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), _DIGITS)


def _lines(one: Measured) -> Iterator[dict[str, Any]]:
    for task, right in one.right.items():
        where = {"system": one.system, "dim": one.dim, "task": task, "meta_task": meta_task(task)}
        yield {**where, "metric": PRECISION, **rounded(interval(right, f"mmeb/{task}"))}


def _differences(measured: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    """Paired differences of each two systems, and of each with its shorter vectors, by task."""
    for number, first in enumerate(measured):
        for second in measured[number + 1 :]:
            for task in first.right:
                gain = first.right[task] - second.right[task]
                p = sign_flip(gain, [str(row) for row in range(len(gain))], f"mmeb/{task}")
                names = {"system": _label(first), "other": _label(second), "task": task}
                yield {**names, **rounded(interval(gain, f"mmeb gain/{task}")), "p": round(p, _DIGITS)}


def _label(one: Measured) -> str:
    return label({"system": one.system, "dim": one.dim})


def render(found: Mapping[str, Any], name: str) -> str:
    """The figures as Markdown."""
    return "\n".join(_rendered(found, name)).rstrip() + "\n"


def _rendered(found: Mapping[str, Any], name: str) -> Iterator[str]:
    systems = found["systems"]
    yield from (f"# Evaluation `{name}`: MMEB-eval", "")
    rows = sum(one["rows"] for one in found["tasks"].values())
    yield f"Precision@1 of {len(found['tasks'])} tasks with {rows:,} rows; means are over tasks. A tie counts as wrong."
    yield ""
    for task, one in found["tasks"].items():
        if one["left_out"]:
            yield f"- {task}: left out: {', '.join(f'{why} {count}' for why, count in one['left_out'].items())}"
    yield ""
    metas = [meta for meta in (*META_TASKS, OTHER) if any(meta in one["meta_tasks"] for one in systems)]
    cells = [
        [label(one), *(percent(one["meta_tasks"].get(meta)) for meta in metas), percent(one[PRECISION])]
        for one in systems
    ]
    yield from table(["system", *metas, "overall"], cells)
    yield from ("## By task", "")
    lines = [[task, *(percent(one["tasks"].get(task)) for one in systems)] for task in found["tasks"]]
    yield from table(["task", *map(label, systems)], lines)
