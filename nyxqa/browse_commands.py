"""The arguments of ``nyxqa browse`` and ``nyxqa review``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

Data = Annotated[Path, typer.Argument(help="Folder of a dataset.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; default any free one.")]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Print the address and open no window.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Reviewer = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who reviews; names the file of verdicts.")]
Split = Annotated[Literal["train", "validation", "test"] | None, typer.Option(help="One split; default all.")]
Where = Annotated[
    str | None, typer.Option(metavar="SQL", help="A condition over triplets, or a preset as negative_holds_answer.")
]
Sample = Annotated[int, typer.Option(min=1, help="Rows to review.")]
Overlap = Annotated[float, typer.Option(min=0, max=1, help="Share that all reviewers see, at least 100 rows; 0: none.")]
Status = Annotated[bool, typer.Option("--status", help="Print what reviewers have said so far and exit.")]


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
