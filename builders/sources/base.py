"""What a source is: a fingerprint, input rows in fixed batches, and a page or a drop for each row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.row_files.compression import MAX_LINE
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.schemas.recipe import Web
from nyxqa.schemas.web.s3 import S3Folder

MAX_TEXT = 20_000_000  # characters of text; a longer page is a dump, not a page
MAX_RAW = MAX_LINE  # bytes of a file or line
_FIRST_BATCHES = 16  # smaller ones, so that a small source is work for several workers


@dataclass(frozen=True, slots=True)
class Limit:
    """The rows and bytes at which a batch ends."""

    rows: int
    size: int

    def reached(self, rows: int, size: int) -> bool:
        """Whether a batch of so many rows and bytes ends."""
        return rows >= self.rows or size >= self.size


def batch_limit(number: int) -> Limit:
    """Where the batch of this number, from 0, ends: it depends on the batches before, never on workers."""
    return Limit(256, 4_000_000) if number < _FIRST_BATCHES else Limit(1_024, 16_000_000)


Notify = Callable[[str], None]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """One input row of a source.

    :param name: Name in the ledger: the path inside the source, with ``:NUMBER`` from 1 in a file of many rows.
    :param path: Path inside the source; relative image references are relative to its folder.
    :param row: Row number from 0 in a file of many rows.
    :param raw: The row's bytes if the driver has read them; None if a worker reads them, or if they are too many.
    :param size: Number of bytes.
    """

    name: str
    path: str
    row: int | None
    raw: bytes | None
    size: int

    def drop(self, reason: str, detail: str) -> Drop:
        """Return the ledger entry that drops this row."""
        return Drop("row", self.name, "", reason, detail)


Batch = tuple[Item, ...]


@dataclass(slots=True)
class Page:
    """A page of a source: the columns of ``SOURCE_PAGES`` except those that all rows of a source share."""

    row: str
    path: str
    page_id: str
    parts: list[dict[str, Any]]
    title: str | None = None
    url: str | None = None
    language: str | None = None
    license: str | None = None
    notes: list[Drop] = field(default_factory=list)


class Source(Protocol):
    """Where pages come from; instances are pickled and sent to workers.

    :param kind: Value of column ``source``; enters the fingerprint.
    :param root_relative_links: Whether an image reference ``/x`` is relative to ``root``, as in HTML.
    """

    kind: str
    root_relative_links: bool = False

    @property
    @abstractmethod
    def root(self) -> Path | S3Folder:
        """Folder that contains all images that are files; references out of it are rejected."""

    @abstractmethod
    def fingerprint(self) -> object:
        """Return a JSON value that changes when the source does, such as paths, sizes and times of its files.

        :raises WorldError: If the source is missing, empty or unreadable.
        """

    @abstractmethod
    def tasks(self, notify: Notify) -> Iterator[Batch]:
        """Yield the selected rows in batches that depend on row numbers and sizes alone.

        :param notify: Called with progress lines for the user, such as the bytes to be read.
        """

    @abstractmethod
    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """Yield a page or a drop for each row of the batch, in its order."""

    def revisions(self) -> dict[str, str]:
        """Return the resolved commit of each dataset that the source reads from the Hub, by dataset name.

        :raises WorldError: If the Hub does not answer.
        """
        return {}


def subsample(rows: Iterable[T], web: Web) -> Iterator[T]:
    """Return every ``web.every``-th row, at most ``web.limit`` rows."""
    return islice(islice(rows, 0, None, web.every), web.limit)


def batched(items: Iterable[Item], rows: int | None = None) -> Iterator[Batch]:
    """Yield the items in batches that end at ``batch_limit``, and at ``rows`` if it is given."""
    return whole_groups(((item,) for item in items), rows)


def whole_groups(groups: Iterable[Sequence[Item]], rows: int | None = None) -> Iterator[Batch]:
    """Yield batches of whole groups; see ``batched``."""
    batch: list[Item] = []
    size = number = 0
    for group in groups:
        batch += group
        size += sum(item.size for item in group)
        if batch_limit(number).reached(len(batch), size) or len(batch) == rows:
            yield tuple(batch)
            batch, size, number = [], 0, number + 1
    if batch:
        yield tuple(batch)


def checked_page(page: Page, item: Item, cleaner: TextCleaner) -> Page | Drop:
    """Return ``page`` with notes on what was cleaned, or a drop if it is empty or too large."""
    if not page.parts:
        return item.drop("empty", "neither text nor image")
    characters = sum(len(part["text"] or "") for part in page.parts)
    if characters > MAX_TEXT:
        return item.drop("too_large", f"{characters} characters of text, at most {MAX_TEXT} are taken")
    if cleaner.replaced:
        detail = f"{cleaner.replaced} characters that are no text removed or replaced"
        page.notes.append(Drop("page", page.page_id, item.name, "text_cleaned", detail))
    page.notes += [
        Drop("image", f"{page.page_id}:{ordinal}", page.page_id, "stray_placeholder", "placeholder in the page's text")
        for ordinal in range(cleaner.placeholders)
    ]
    return page


def text_part(text: str, section: str = "", locator: str = "") -> dict[str, Any]:
    """Return a part of a page that is text.

    :param locator: Its place in a PDF.
    """
    return _part({"text": text, "image": None, "caption": "", "caption_origin": "", "section": section}, locator)


def image_part(reference: str, caption: str, origin: str, section: str = "", locator: str = "") -> dict[str, Any]:
    """Return a part of a page that refers to an image.

    :param origin: What the caption was: ``figure``, ``alt`` or ``title``; "" without one.
    :param locator: Its place in a PDF.
    """
    part = {"text": None, "image": reference, "caption": caption, "caption_origin": origin, "section": section}
    return _part(part, locator)


def _part(part: dict[str, Any], locator: str) -> dict[str, Any]:
    return {**part, "locator": locator} if locator else part
