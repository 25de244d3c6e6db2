"""Pages and parts of pages that are kept out of a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.images.references import BucketFile, Data, LocalFile, Rejected, Url, locate, web_url
from nyxqa.builders.sources.base import Item, Page, Source
from nyxqa.schemas.removals import PREFIX, Name, PageRemovals, Removals, hashed, prefix_hash, url_names

REMOVED = "removed"


def hidden_name(row: str) -> str:
    """The name of a source row in the ledger once its own may not be shown."""
    return hashlib.sha256(row.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def page_names(page_id: str, row: str, url: str | None) -> Iterator[Name]:
    """Names by which a page may be kept out."""
    yield "page", page_id
    yield "page", row
    if url is not None:
        yield from url_names(url)


def image_names(reference: str, page_path: str, opened: Source) -> Iterator[Name]:
    """Names by which an image may be kept out, as far as its reference tells."""
    if isinstance(found := web_url(reference), Url):
        yield from url_names(found.url)
        return
    match locate(reference, page_path, opened.root, opened.root_relative_links):
        case LocalFile(_, name) | BucketFile(_, name):
            yield "image", name
        case Data(data):
            yield "image", hashlib.sha256(data).hexdigest()
        case Rejected() | Url():
            return


def is_removed_row(name: str, removals: Removals) -> bool:
    """Whether a row is kept out whatever it holds."""
    return ("page", name) in removals


def without_removed(page: Page, item: Item, opened: Source, removals: Removals) -> Page | None:
    """``page`` without what is kept out of it; None if nothing of it may be kept."""
    if removals.any_of(page_names(page.page_id, item.name, page.url)):
        return None
    own = removals.of_page(page.page_id)
    parts, notes = [], []
    images = blocks = 0
    for part in page.parts:
        kept: dict[str, Any] | None = part
        if part["image"] is not None:
            names = list(image_names(part["image"], page.path, opened))
            if removals.any_of(names) or own.any_of(names):
                notes.append(Drop("image", f"{page.page_id}:{images}", page.page_id, REMOVED))
                kept = None
            images += 1
        elif own.texts:
            text = without_texts(part["text"], own)
            if text != part["text"]:
                notes.append(Drop("block", f"{page.page_id}:{blocks}", page.page_id, REMOVED))
                kept = {**part, "text": text} if text.strip() else None
            blocks += 1
        if kept is not None:
            cleaned = {name: without_texts(kept[name], own) for name in ("caption", "section") if own.texts}
            parts.append({**kept, **cleaned})
    if not notes:
        return page
    page.parts = parts
    page.notes += notes
    return page if parts else None


def without_texts(text: str, removals: PageRemovals) -> str:
    """``text`` without the texts that are kept out of its page; a short one only where it is a line by itself."""
    spans = [*_long_spans(text, removals), *_lines(text, removals)]
    kept, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            kept.append(text[end:start])
            end = stop
    return "".join((*kept, text[end:]))


def _long_spans(text: str, removals: PageRemovals) -> Iterator[tuple[int, int]]:
    at = 0
    while at + PREFIX < len(text) and removals.has_long:
        length = 0
        for one in removals.texts.get(prefix_hash(text[at : at + PREFIX]), ()):
            if hashed(("text", text[at : at + one.length])) == one.key:
                length = one.length
                break
        if length:
            yield at, at + length
        at += length or 1


def _lines(text: str, removals: PageRemovals) -> Iterator[tuple[int, int]]:
    short = {one.key for one in removals.texts.get("", ())}
    start = 0
    for line in text.split("\n") if short else ():
        if hashed(("text", line.strip())) in short:
            yield start, start + len(line)
        start += len(line) + 1
