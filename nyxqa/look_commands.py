"""The arguments of ``nyxqa report``, ``show``, ``sql``, ``recipe``, ``diff``, ``browse`` and ``review``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

Data = Annotated[Path, typer.Argument(help="Folder of a dataset.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; default any free one.")]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Print the address and open no window.")]
Reviewer = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who reviews; names the file of verdicts.")]
Split = Annotated[Literal["train", "validation", "test"] | None, typer.Option(help="One split; default all.")]
Where = Annotated[
    str | None, typer.Option(metavar="SQL", help="A condition over triplets, or a preset as negative_holds_answer.")
]
Sample = Annotated[int, typer.Option(min=1, help="Rows to review.")]
Overlap = Annotated[float, typer.Option(min=0, max=1, help="Share that all reviewers see, at least 100 rows; 0: none.")]
Status = Annotated[bool, typer.Option("--status", help="Print what reviewers have said so far and exit.")]


def report(
    out: Data = Path("nyxqa_data"),
    as_json: AsJson = False,
    html: Annotated[bool, typer.Option("--html", help="Write report.html, one page with charts, into DATA.")] = False,
    html_to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write that page to another file.")] = None,
    debug: Debug = False,
) -> None:
    """Report what a dataset holds, how it was built and what was dropped; also of a build that ended empty."""
    from nyxqa.builders.report.report import make_report
    from nyxqa.builders.report.text import as_json_text, render, render_unfinished
    from nyxqa.builders.report.unfinished import as_json as unfinished_as_json
    from nyxqa.builders.report.unfinished import open_unfinished, report_unfinished

    unfinished = open_unfinished(out)
    if html or html_to is not None:
        _report_page(out, as_json, html, html_to, unfinished is not None)
    elif unfinished is not None:
        so_far = report_unfinished(unfinished)
        sys.stdout.write(unfinished_as_json(so_far) if as_json else render_unfinished(so_far))
    else:
        full_report = make_report(out)
        sys.stdout.write(as_json_text(full_report) if as_json else render(full_report))


def _report_page(out: Path, as_json: bool, html: bool, target: Path | None, is_unfinished: bool) -> None:
    """Write the report as a page.

    :raises UsageError: If two forms are asked for, or the build in ``out`` published nothing.
    """
    from nyxqa.builders.report.page import write_page
    from nyxqa.schemas.errors import UsageError

    if as_json or (html and target is not None):
        raise UsageError("--json, --html and --html-to exclude each other")
    if is_unfinished:
        raise UsageError(f"the build in {out} published nothing; nyxqa report {out} says why, without --html")
    sys.stdout.write(f"wrote {write_page(out, target)}\n")


def show(
    data: Annotated[str, typer.Argument(metavar="[DATA]", help="Folder of a dataset; default nyxqa_data.")],
    item: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Id of a page, document, question, image or ledger row, or its beginning."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Tell what an item is, where it came from and what became of it."""
    from nyxqa.builders.browse.show import show_item

    folder, wanted = (None, data) if item is None else (Path(data), item)
    show_item(_default(folder), wanted, sys.stdout)


def sql(
    data: Annotated[str, typer.Argument(metavar="[DATA]", help="Folder of a dataset; default nyxqa_data.")],
    query: Annotated[
        str | None,
        typer.Argument(metavar="QUERY", help="One query over the views corpus, qa, triplets, ledger, ..."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header line.")] = False,
    rows: Annotated[int | None, typer.Option(min=1, help="Most rows of the answer.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Most time that the query may take.")] = None,
    unlocked: Annotated[
        bool, typer.Option("--unlocked", help="Allow any statement, other files and settings; for your own SQL.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Query the tables of a dataset with one SELECT; images are left out."""
    from nyxqa.builders.report.sql import print_sql
    from nyxqa.builders.report.views import Query
    from nyxqa.schemas.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")
    if query is None and not any(mark.isspace() for mark in data.strip()):  # no query is one word
        raise UsageError(f"Missing argument 'query': one over the tables of {data}")
    folder, asked = (None, data) if query is None else (Path(data), query)
    how = Query(unlocked, rows, seconds)
    print_sql(_default(folder), asked, "json" if as_json else "csv" if as_csv else "table", sys.stdout, how)


def _default(folder: Path | None) -> Path:
    """The folder, or that of ``NYXQA_DATA``, or ``nyxqa_data``."""
    from nyxqa.schemas.loading.published import default_folder

    return default_folder() if folder is None else folder


def recipe(
    name: Annotated[str, typer.Argument(help="sample, nyxqa, paper, or a TOML file.")] = "nyxqa",
    debug: Debug = False,
) -> None:
    """Print a recipe with every key, its value and what it means; save it to change it."""
    from nyxqa.schemas.recipe_file import read_recipe
    from nyxqa.schemas.recipe_text import recipe_text

    sys.stdout.write(recipe_text(read_recipe(name), name))


def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="Folder of a dataset, or user/name[@REVISION] on the Hub.")],
    new: Annotated[str, typer.Argument(metavar="B", help="The dataset to compare it with.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare two datasets: pages, documents, questions, triplets, recipe."""
    from nyxqa.builders.report.changes import diff as run_diff
    from nyxqa.builders.report.changes import diff_json, diff_text

    found = run_diff(old, new)
    sys.stdout.write(diff_json(found) if as_json else diff_text(found, old, new))


def browse(data: Data = Path("nyxqa_data"), port: Port = 0, no_open: NoOpen = False, debug: Debug = False) -> None:
    """Look at a dataset in a browser: rows with pictures, drops, clusters, leaks, SQL."""
    from nyxqa.builders.browse.commands import browse as run_browse

    run_browse(data, port, not no_open)


def review(
    data: Data = Path("nyxqa_data"),
    reviewer: Reviewer = None,
    split: Split = None,
    where: Where = None,
    sample: Sample = 200,
    overlap: Overlap = 0.2,
    status: Status = False,
    port: Port = 0,
    no_open: NoOpen = False,
    debug: Debug = False,
) -> None:
    """Judge rows in a browser by keyboard; the next build applies the verdicts."""
    from nyxqa.builders.browse.commands import review as run_review
    from nyxqa.builders.browse.commands import status as review_status
    from nyxqa.builders.browse.judging.queue import QueueOptions
    from nyxqa.schemas.errors import UsageError

    if status:
        sys.stdout.write(review_status(data))
        return
    if reviewer is None:
        raise UsageError("--as NAME is missing: it names the reviewer and the file of verdicts, review/NAME.jsonl")
    options = QueueOptions(sample=sample, overlap=overlap, split=split or "", where=where or "")
    run_review(data, reviewer, options, port, not no_open)
