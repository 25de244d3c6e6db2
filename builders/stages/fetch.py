"""Step ``images/fetch``: request every image URL once and store the result, image or failure, permanently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.progress import Bar, Progress
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.engine.workdir import begin_generation
from nyxqa.builders.formatting import counted
from nyxqa.builders.images.fetch.retry import FetchError
from nyxqa.builders.images.fetch.store import FetchStore, has_failures, store_name
from nyxqa.builders.images.references import Url, images_of, web_url
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.web.address_guard import AddressGuard


def fetch(run: Run, pages: StepOutput, settings: Images) -> StepOutput:
    """Request all image URLs of ``pages`` that were not requested before under the same settings; none if not to fetch.

    :raises UsageError: If an entry of ``images.allow_private`` is not a host, an address or a CIDR block.
    """
    AddressGuard.from_recipe(settings.allow_private)
    generation = run.generation(store_name(settings))  # how often failures were tried again
    params = {**section_params(settings, ("max_bytes", "allow_private"), ("fetch", "noai")), "generation": generation}
    step = Step("images/fetch", 2, params, (pages.fingerprint,), unit_in="URL", unit_out="URL")
    return run.collect_external(step, partial(_fetch, pages, settings, store_folder(run, settings)))


def fetch_urls(
    run: Run, name: str, params: Mapping[str, Any], urls: Callable[[], Iterator[str]], settings: Images
) -> StepOutput:
    """Request the URLs of another stage's images that were not requested before under the same settings.

    :param name: Name of the step.
    :param params: What decides the URLs.
    :raises UsageError: If an entry of ``images.allow_private`` is not a host, an address or a CIDR block.
    """
    AddressGuard.from_recipe(settings.allow_private)
    generation = run.generation(store_name(settings))
    own = section_params(settings, ("max_bytes", "allow_private"), ("fetch", "noai"))
    step = Step(name, 1, {**params, **own, "generation": generation}, (), unit_in="URL", unit_out="URL")
    return run.collect_external(step, partial(_fetch_urls, urls, settings, store_folder(run, settings)))


def store_folder(run: Run, settings: Images) -> Path:
    """Folder of the fetched images."""
    return run.work / store_name(settings)


def names_to_retry(work: Path, settings: Images) -> set[str]:
    """Names whose generation grows if retried failures change: that of the store, if it holds a failure."""
    name = store_name(settings)
    return {name} if settings.fetch and has_failures(work / name) else set()


def retry_failures(work: Path, settings: Images, progress: Progress) -> None:
    """Request every failed URL again; if a result changes, the steps that depend on it run again."""
    if not settings.fetch:
        return
    from nyxqa.builders.images.fetch.fetcher import FetchContext, fetch_all

    name = store_name(settings)
    with FetchStore(work / name) as store, progress.stage(Step("images/retry", 1, unit_in="URL")) as bar:
        sink = _ChangedResults(store, work, name)
        failed = (_noted(sink, failure.url, failure.reason) for failure in store.failures())
        fetch_all(failed, FetchContext(settings, sink, _Tally(bar).advance))
    progress.say(f"images/retry: {counted(sink.requested, 'failed URL')} requested again, {sink.changed} changed")


def _fetch(pages: StepOutput, settings: Images, folder: Path, bar: Bar) -> Counts:
    return _fetch_urls(partial(_urls, pages), settings, folder, bar)


def _fetch_urls(urls: Callable[[], Iterator[str]], settings: Images, folder: Path, bar: Bar) -> Counts:
    if not settings.fetch or next(urls(), None) is None:
        return Counts()
    from nyxqa.builders.images.fetch.fetcher import FetchContext, fetch_all

    tally = _Tally(bar)
    with FetchStore(folder) as store:
        unknown = (None if url in store else url for url in urls())
        fetch_all(unknown, FetchContext(settings, store, tally.advance))
    return tally.counts


def _urls(pages: StepOutput) -> Iterator[str]:
    for file in pages.files():
        _, images = images_of(pq.read_table(file, columns=["parts"])["parts"].combine_chunks())
        for reference in dict.fromkeys(images.to_pylist()):
            location = web_url(reference)
            if isinstance(location, Url):
                yield location.url


class _Tally:
    """Counts finished URLs and shows them on the progress bar."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self.counts = Counts()

    def advance(self, failed: bool) -> None:
        """Count one finished URL."""
        one = Counts(1, int(not failed), int(failed), 0, int(not failed))
        self.counts += one
        self._bar.advance(one)


@dataclass
class _ChangedResults:
    """Stores only results that differ from the earlier ones, and starts a new generation before the first of them."""

    store: FetchStore
    work: Path
    name: str
    requested: int = 0
    changed: int = 0

    def __post_init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def keep(self, url: str, body: IO[bytes]) -> None:
        """Store an image that could not be fetched before."""
        self.reasons.pop(url)
        self._change()
        self.store.keep(url, body)

    def fail(self, url: str, error: FetchError) -> None:
        """Store a failure with another reason; a host that is down is not a new result."""
        if error.reason not in (self.reasons.pop(url), "host_down"):
            self._change()
            self.store.fail(url, error)

    def _change(self) -> None:
        self.changed += 1
        if self.changed == 1:
            begin_generation(self.work, self.name)


def _noted(sink: _ChangedResults, url: str, reason: str) -> str:
    sink.requested += 1
    sink.reasons[url] = reason
    return url
