"""The commands ``browse`` and ``review``: open a dataset and serve its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.browse.judging.queue import QueueOptions, conflicts, figures_by_split, review_files
from nyxqa.builders.browse.server.serve import require_packages, serve
from nyxqa.builders.report.review_figures import review_lines
from nyxqa.schemas.verdicts import ACCEPT, REJECT, UNSURE, reviewer_name

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from nyxqa.builders.browse.server.security import Access


@contextmanager
def _opened(data: Path) -> Iterator[BrowsedDataset]:
    dataset = BrowsedDataset(data)
    try:
        yield dataset
    finally:
        dataset.close()


def browse(data: Path, port: int = 0, open_window: bool = True) -> None:
    """Serve the pages of the dataset in ``data`` until the process is stopped.

    :raises FormatError: If there is no dataset.
    :raises MissingExtraError: If the extra ``browse`` is not installed.
    """
    require_packages()
    from nyxqa.builders.browse.server.app import make_app
    from nyxqa.builders.browse.server.pages import Pages

    with _opened(data) as dataset:

        def app(access: Access) -> Starlette:
            return make_app(dataset, access, Pages(dataset, access))

        serve(app, port, "/", open_window)


def review(data: Path, reviewer: str, options: QueueOptions, port: int = 0, open_window: bool = True) -> None:
    """Serve the review app to one reviewer until the process is stopped.

    :param options: Whatever their seed, the dataset's counts.
    :raises FormatError: If there is no dataset, it has an earlier format, or a file of verdicts is broken.
    :raises UsageError: If the name names no file, or no row meets the options.
    """
    require_packages()
    from nyxqa.builders.browse.judging.session import ReviewSession
    from nyxqa.builders.browse.server.app import make_app
    from nyxqa.builders.browse.server.pages import Pages
    from nyxqa.builders.browse.server.review_routes import review_routes

    name = reviewer_name(reviewer)
    with _opened(data) as dataset:
        dataset.published.require_present("review")
        session = ReviewSession(dataset, name, replace(options, seed=dataset.published.manifest.seed))

        def app(access: Access) -> Starlette:
            pages = Pages(dataset, access, name)
            return make_app(dataset, access, pages, review_routes(session, pages))

        try:
            serve(app, port, "/review", open_window)
        finally:
            session.close()


def status(data: Path) -> str:
    """What reviewers have said so far: counts, the share of right rows, agreement and conflicts."""
    with _opened(data) as dataset:
        reviews = review_files(dataset).read()
        if not reviews:
            return f"no verdict yet; begin with: nyxqa review {data} --as NAME\n"
        lines = []
        for reviewer, own in reviews.items():
            given = [one.verdict for one in own.values()]
            counts = ", ".join(f"{given.count(one)} {one}" for one in (ACCEPT, REJECT, UNSURE))
            lines.append(f"{reviewer}: {len(given)} verdicts, {counts}")
        for split, figures in figures_by_split(dataset, reviews).items():
            lines += [f"{split}: {line}" for line in review_lines(figures)]
        lines += [f"conflict: {dataset_name} {split} {query}" for split, dataset_name, query in conflicts(reviews)[:20]]
        lines.append("apply them with the command that built the dataset; only stages review and assemble run again")
        return "\n".join(lines) + "\n"
