"""An evaluation as Markdown: the tables of the Nyx paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
Row = Mapping[str, Any]
_ANSWERS = {"em": "EM", "f1": "F1", "accuracy": "Acc"}
_RETRIEVAL = ("golden@1", "recall@1", "recall@5", "recall@10", "recall@20", "mrr", "ndcg@10")


def render(figures: Figures, name: str, pictures: Sequence[str]) -> str:
    """The whole report.

    :param pictures: Names of the files with plots, beside this one.
    """
    parts = [
        [f"# Evaluation `{name}`", ""],
        _head(figures),
        _answers(figures),
        _retrieval(figures),
        _by_dataset(figures),
        _differences(figures),
        [line for picture in pictures for line in (f"![{picture.removesuffix('.svg')}]({picture})", "")],
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _head(figures: Figures) -> Iterator[str]:
    pools = ", ".join(f"`{name}` ({one['documents']:,} documents)" for name, one in figures["pools"].items())
    yield (
        f"Split `{figures['split']}`: {figures['questions']:,} questions of {figures['groups']:,} groups of pages, "
        f"searched in {pools}. Intervals of 95 % by bootstrap over groups."
    )
    yield ""
    for note in figures["notes"]:
        yield f"- {note}"
    if figures["notes"]:
        yield ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table; columns after the first are aligned to the right."""
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _label(row: Row) -> str:
    return f"{row['system']} ({row['dim']})" if row["dim"] else str(row["system"])


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _answers(figures: Figures) -> Iterator[str]:
    """Table 1 of the Nyx paper: a row a system, EM and F1 or accuracy of each dataset, the mean of the columns."""
    rows = [row for row in figures["systems"] if any(name in row for name in _ANSWERS)]
    if not rows:
        return
    columns = [
        (dataset, metric)
        for dataset in sorted({dataset for row in rows for dataset in row["datasets"]})
        for metric in _ANSWERS
        if any(metric in row["datasets"].get(dataset, {}) for row in rows)
    ]
    cells = []
    for row in rows:
        values = [row["datasets"].get(dataset, {}).get(metric) for dataset, metric in columns]
        known = [value for value in values if value is not None]
        mean = sum(known) / len(known) if len(known) == len(values) else None
        cells.append([_label(row), str(row["k"]), *map(_percent, values), _percent(mean)])
    yield "## Answers"
    yield ""
    yield f"Generator `{figures['generator']}`; k documents before the question, 0 is closed-book."
    yield ""
    yield from table(["system", "k", *(f"{dataset} {_ANSWERS[metric]}" for dataset, metric in columns), "avg"], cells)


def _retrieval(figures: Figures) -> Iterator[str]:
    rows = [row for row in figures["systems"] if "mrr" in row]
    if not rows:
        return
    shown = [name for name in _RETRIEVAL if any(name in row for row in rows)]
    yield "## Retrieval"
    yield ""
    yield from table(["system", *shown], [[_label(row), *(_percent(row.get(name)) for name in shown)] for row in rows])


def _by_dataset(figures: Figures) -> Iterator[str]:
    """Retrieval by dataset and kind, with intervals."""
    chosen = [
        line
        for line in figures["lines"]
        if line["metric"] in ("golden@1", "recall@10") and (line["dataset"], line["kind"]) != ("all", "all")
    ]
    if not chosen:
        return
    yield "## Retrieval by dataset and kind"
    yield ""
    cells = [
        [_label(line), line["dataset"], line["kind"] or "-", line["metric"], _percent(line["mean"]), _range(line)]
        for line in chosen
    ]
    yield from table(["system", "dataset", "kind", "figure", "mean", "95 %"], cells)


def _range(line: Row) -> str:
    return f"{100 * line['low']:.2f} to {100 * line['high']:.2f}"


def _differences(figures: Figures) -> Iterator[str]:
    chosen = [line for line in figures["differences"] if line["dataset"] == "all"]
    if not chosen:
        return
    yield "## Differences"
    yield ""
    yield "Paired by question; p by flipping the signs of groups of pages."
    yield ""
    cells = [
        [
            f"{line['system']} - {line['other']}",
            line["metric"],
            _percent(line["mean"]),
            _range(line),
            f"{line['p']:.4f}",
        ]
        for line in chosen
    ]
    yield from table(["systems", "figure", "difference", "95 %", "p"], cells)
