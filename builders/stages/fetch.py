"""Step ``images/fetch``: every URL that a page refers to is asked once, and what came of it is kept for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.progress import Bar, Progress
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.engine.workdir import begin_generation
from nyxqa.builders.images.fetch.errors import FetchError
from nyxqa.builders.images.fetch.store import FetchStore, has_failures, store_name
from nyxqa.builders.images.references import Url, images_of, web_url
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.web.address_guard import AddressGuard


def fetch(run: Run, pages: StepOutput, settings: Images) -> StepOutput:
    """Ask all URLs of ``pages`` that were not asked before under the same settings.

    :raises UsageError: If ``images.allow_private`` has an entry that means nothing.
    """
    AddressGuard.from_recipe(settings.allow_private)
    generation = run.generation(store_name(settings))  # how often failures were tried again
    params = {**section_params(settings, ("max_bytes", "allow_private")), "generation": generation}
    step = Step("images/fetch", 1, params, (pages.fingerprint,), unit_in="URL", unit_out="URL")
    return run.collect_external(step, partial(_fetch, pages, settings, store_folder(run, settings)))


def store_folder(run: Run, settings: Images) -> Path:
    """Where the fetched images lie."""
    return run.work / store_name(settings)


def names_to_retry(work: Path, settings: Images) -> set[str]:
    """What a build that tries failures again may observe anew: the store, if it holds a failure."""
    name = store_name(settings)
    return {name} if has_failures(work / name) else set()


def retry_failures(work: Path, settings: Images, progress: Progress) -> None:
    """Ask every URL that failed once more; if that changes anything, what stands on it is made anew."""
    from nyxqa.builders.images.fetch.fetcher import Fetching, fetch_all

    name = store_name(settings)
    with FetchStore(work / name) as store, progress.stage(Step("images/retry", 1, unit_in="URL")) as bar:
        sink = _Retried(store, work, name)
        failed = (_noted(sink, failure.url, failure.reason) for failure in store.failures())
        fetch_all(failed, Fetching(settings, sink, _Tally(bar).advance))
    progress.say(f"images/retry: {sink.asked} failed URLs asked again, {sink.changed} changed")


def _fetch(pages: StepOutput, settings: Images, folder: Path, bar: Bar) -> Counts:
    if next(_urls(pages), None) is None:
        return Counts()
    from nyxqa.builders.images.fetch.fetcher import Fetching, fetch_all

    tally = _Tally(bar)
    with FetchStore(folder) as store:
        unknown = (None if url in store else url for url in _urls(pages))
        fetch_all(unknown, Fetching(settings, store, tally.advance))
    return tally.counts


def _urls(pages: StepOutput) -> Iterator[str]:
    for file in pages.files():
        _, images = images_of(pq.read_table(file, columns=["parts"])["parts"].combine_chunks())
        for reference in dict.fromkeys(images.to_pylist()):
            found = web_url(reference)
            if isinstance(found, Url):
                yield found.url


class _Tally:
    """Counts URLs that got their fate and shows them."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self.counts = Counts()

    def advance(self, failed: bool) -> None:
        """One more URL."""
        one = Counts(1, int(not failed), int(failed), 0, int(not failed))
        self.counts += one
        self._bar.advance(one)


@dataclass
class _Retried:
    """Passes on only fates that differ from the earlier ones, and begins a generation before the first of them."""

    store: FetchStore
    work: Path
    name: str
    asked: int = 0
    changed: int = 0

    def __post_init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def keep(self, url: str, body: IO[bytes]) -> None:
        """Store what is there at last."""
        self.reasons.pop(url)
        self._change()
        self.store.keep(url, body)

    def fail(self, url: str, error: FetchError) -> None:
        """Store a failure of another kind; a host that is down tells nothing new."""
        if error.reason not in (self.reasons.pop(url), "host_down"):
            self._change()
            self.store.fail(url, error)

    def _change(self) -> None:
        self.changed += 1
        if self.changed == 1:
            begin_generation(self.work, self.name)


def _noted(sink: _Retried, url: str, reason: str) -> str:
    sink.asked += 1
    sink.reasons[url] = reason
    return url
