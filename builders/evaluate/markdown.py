"""An evaluation as Markdown: the tables of the Nyx paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nyxqa.builders.evaluate.answer_tables import answer_tables, label, percent, table
from nyxqa.builders.evaluate.rankings import KEPT

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
