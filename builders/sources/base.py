"""What every source gives: a fingerprint, tasks in fixed batches, and pages or drops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.schemas.recipe import Web

MAX_TEXT = 20_000_000  # characters of text; a longer page is a dump, not a page
MAX_RAW = 128_000_000  # bytes of a file or line; embedded images make a page longer than its text
_BATCH_ROWS = 256
_BATCH_BYTES = 16_000_000

Say = Callable[[str], None]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """One input row of a source.

    :param name: Name in the ledger: the path inside the source, with ``:NUMBER`` from 1 in a file of many rows.
    :param path: Path inside the source, which relative image references are relative to.
    :param row: Row number from 0 in a file of many rows.
    :param raw: The row's bytes where the driver reads them; none if they were too many.
    :param size: Number of bytes.
    """

    name: str
    path: str
    row: int | None
    raw: bytes | None
    size: int


Batch = tuple[Item, ...]


@dataclass(slots=True)
class Page:
    """A page of a source: the columns of ``SOURCE_PAGES`` less those every row of a source shares."""

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
    """Where pages come from; picklable."""

    @property
    def kind(self) -> str:
        """Value of the column ``source``."""
        ...

    @property
    def root(self) -> Path:
        """Folder that no image reference may leave."""
        ...

    def fingerprint(self) -> object:
        """What changes when the source does: relative paths, sizes and times of files.

        :raises WorldError: If the source is missing, empty or unreadable.
        """
        ...

    def tasks(self, say: Say) -> Iterator[Batch]:
        """All chosen rows in batches fixed by row number and size.

        :param say: Takes a line for people, as on what reading will cost.
        """
        ...

    def pages(self, batch: Batch) -> Iterator[Page | Drop]:
        """For each row its page, or why there is none."""
        ...


def chosen(rows: Iterable[T], web: Web) -> Iterator[T]:
    """Every ``web.every``-th row, at most ``web.limit`` of them."""
    return islice(islice(rows, 0, None, web.every), web.limit)


def batched(items: Iterable[Item]) -> Iterator[Batch]:
    """Items in batches of at most 256 rows, closed once they hold 16 MB."""
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.size
        if len(batch) == _BATCH_ROWS or size >= _BATCH_BYTES:
            yield tuple(batch)
            batch, size = [], 0
    if batch:
        yield tuple(batch)


def dropped(item: Item, reason: str, detail: str) -> Drop:
    """The ledger row of an input row that gives no page."""
    return Drop("row", item.name, "", reason, detail)


def finished(page: Page, item: Item, cleaner: TextCleaner) -> Page | Drop:
    """``page`` with notes of what was cleaned, or a drop if it is empty or too large."""
    if not page.parts:
        return dropped(item, "empty", "neither text nor image")
    characters = sum(len(part["text"] or "") for part in page.parts)
    if characters > MAX_TEXT:
        return dropped(item, "too_large", f"{characters} characters of text, at most {MAX_TEXT} are taken")
    if cleaner.replaced:
        detail = f"{cleaner.replaced} characters that are no text removed or replaced"
        page.notes.append(Drop("page", page.page_id, item.name, "text_cleaned", detail))
    page.notes += [
        Drop("image", f"{page.page_id}:{ordinal}", page.page_id, "stray_placeholder", "placeholder in the page's text")
        for ordinal in range(cleaner.placeholders)
    ]
    return page


def text_part(text: str, section: str = "") -> dict[str, Any]:
    """A part of a page that is text."""
    return {"text": text, "image": None, "caption": "", "section": section}


def image_part(reference: str, caption: str, section: str = "") -> dict[str, Any]:
    """A part of a page that refers to an image."""
    return {"text": None, "image": reference, "caption": caption, "section": section}
