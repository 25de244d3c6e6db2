"""An evaluation as Markdown: the tables and figures of the Nyx paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nyxqa.builders.evaluate.rankings import KEPT

COLUMNS = {"em": "EM", "f1": "F1", "accuracy": "Acc", "nugget_recall": "Nuggets", "abstained": "Abstained"}
Figures = Mapping[str, Any]
Row = Mapping[str, Any]
_RETRIEVAL = (
    "golden@1",
    "recall@1",
    "recall@5",
    "recall@10",
    "recall@20",
    "recall@100",
    "mrr",
    "ndcg@10",
    "relevant@1",
    "graded_ndcg@10",
)
_JUDGED = ("judged@10", "unjudged@10")


def render(figures: Figures, name: str, pictures: Sequence[str]) -> str:
    """The whole report.

    :param pictures: Names of the files with plots, beside this one.
    """
    parts = [
        [f"# Evaluation `{name}`", ""],
        _head(figures),
        answer_tables(figures),
        _retrieval(figures),
        _by_dataset(figures),
        _not_ranked(figures),
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


def _retrieval(figures: Figures) -> Iterator[str]:
    rows = [row for row in figures["systems"] if "mrr" in row]
    if not rows:
        return
    tokens = sorted({name for row in rows for name in row if name.startswith("token_")})
    shown = [name for name in (*_RETRIEVAL, *_JUDGED, *tokens) if any(name in row for row in rows)]
    yield "## Retrieval"
    yield ""
    yield from table(["system", *shown], [[label(row), *(percent(row.get(name)) for name in shown)] for row in rows])
    for row in rows:
        for pool, one in row.get("search", {}).get("pools", {}).items():
            yield (
                f"- {label(row)} searched `{pool}` by {row['search']['index']} (effort {one['effort']}), which finds "
                f"{percent(one['recall'])} % of the first {KEPT} documents of exact search (measured on "
                f"{one['queries']} questions)."
            )
    if any("search" in row for row in rows):
        yield ""


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
        [label(line), line["dataset"], line["kind"] or "-", line["metric"], percent(line["mean"]), _range(line)]
        for line in chosen
    ]
    yield from table(["system", "dataset", "kind", "figure", "mean", "95 %"], cells)


def _range(line: Row) -> str:
    return f"{100 * line['low']:.2f} to {100 * line['high']:.2f}"


def _not_ranked(figures: Figures) -> Iterator[str]:
    for one in figures["not_ranked"]:
        yield (
            f"- {one['system']} and {one['other']} are not ranked by judgements: {percent(one['judged'])} % and "
            f"{percent(one['judged_other'])} % of their first ten documents were judged."
        )
    if figures["not_ranked"]:
        yield ""


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
            percent(line["mean"]),
            _range(line),
            f"{line['p']:.4f}",
        ]
        for line in chosen
    ]
    yield from table(["systems", "figure", "difference", "95 %", "p"], cells)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table; columns after the first are aligned to the right."""
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def label(row: Row) -> str:
    """Name of a system with its prefix length, where it has one."""
    return f"{row['system']} ({row['dim']})" if row["dim"] else str(row["system"])


def percent(value: float | None) -> str:
    """A share in percent with two decimals; a hyphen where there is none."""
    return "-" if value is None else f"{100 * value:.2f}"


def answer_tables(figures: Mapping[str, Any]) -> Iterator[str]:
    """Everything about answers; nothing where no model was asked."""
    rows = [row for row in figures["systems"] if "by_k" in row]
    if not rows:
        return
    yield from ("## Answers", "")
    yield f"Generator `{figures['generator']}`; k documents before the question, 0 is closed-book."
    yield ""
    yield from _answers_by_dataset(rows)
    yield from _by_documents(rows)
    yield from _golden(figures["golden_correct"])
    yield from _mcnemar(figures["mcnemar"])
    usage = figures["usage"]
    yield (
        f"Different prompts: {usage['requests']:,}, with {usage['prompt_tokens']:,} prompt tokens and "
        f"{usage['completion_tokens']:,} answer tokens."
    )
    yield ""


def _answers_by_dataset(rows: Sequence[Row]) -> Iterator[str]:
    """Table 1: a row a system, EM and F1 or accuracy of each dataset, and the mean of these columns."""
    columns = [
        (dataset, metric)
        for dataset in sorted({dataset for row in rows for dataset in row["datasets"]})
        for metric in COLUMNS
        if any(metric in row["datasets"].get(dataset, {}) for row in rows)
    ]
    cells = []
    for row in rows:
        values = [row["datasets"].get(dataset, {}).get(metric) for dataset, metric in columns]
        known = [value for value in values if value is not None]
        mean = sum(known) / len(known) if known and len(known) == len(values) else None
        failed = str(row["failed"]) if "failed" in row else "-"
        cells.append([label(row), str(row.get("k", "-")), *map(percent, values), percent(mean), failed])
    named = [f"{dataset} {COLUMNS[metric]}" for dataset, metric in columns]
    yield from table(["system", "k", *named, "avg", "unusable"], cells)


def _by_documents(rows: Sequence[Row]) -> Iterator[str]:
    """Figure 5a: right answers by the number of documents before the question."""
    numbers = sorted({int(k) for row in rows for k in row["by_k"]})
    if len(numbers) < 2:
        return
    yield from ("Right answers by documents before the question:", "")
    cells = [[label(row), *(percent(row["by_k"].get(str(k), {}).get("correct")) for k in numbers)] for row in rows]
    yield from table(["system", *map(str, numbers)], cells)


def _golden(rows: Sequence[Row]) -> Iterator[str]:
    """Figure 6: the golden document on top, and the answer right."""
    if not rows:
        return
    yield from ("Questions by the golden document on top and the answer:", "")
    names = ("golden_correct", "golden_wrong", "other_correct", "other_wrong")
    cells = [[label(row), row["dataset"], str(row["questions"]), *(str(row[name]) for name in names)] for row in rows]
    head = ["system", "dataset", "questions", "golden, right", "golden, wrong", "other, right", "other, wrong"]
    yield from table(head, cells)


def _mcnemar(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield from ("McNemar's test of right answers, chi-square without correction:", "")
    cells = [
        [
            f"{row['system']} - {row['other']}",
            row["dataset"],
            str(row["only_first"]),
            str(row["only_second"]),
            f"{row['chi_square']:.2f}",
            f"{row['p']:.4f}",
            f"{row['exact_p']:.4f}",
        ]
        for row in rows
    ]
    yield from table(["systems", "dataset", "only first", "only second", "chi-square", "p", "exact p"], cells)
