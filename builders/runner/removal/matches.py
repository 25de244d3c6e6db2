"""Find in the steps of a build what a take-down names, and everything that has to go with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.filters.removed import image_names, page_names, without_texts
from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.references import Data, Url, locate, web_url
from nyxqa.builders.runner.removal.requested import Request
from nyxqa.builders.sources.base import Source
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.recipe import Images
from nyxqa.schemas.removals import Name, PageRemovals, Removal, Removals, plain_address, url_names

_BATCH = 256  # pages


@dataclass
class Matches:
    """What a take-down takes.

    :param entries: The keys to keep, those that follow from others included.
    :param matched: Names that are in the dataset.
    :param pages: Ids of the pages that go as a whole.
    :param images: Ids of the images that go.
    :param documents: Ids of documents that go, or change since an image goes.
    :param addresses: URLs of images that no page needs any more.
    :param left: Ids of pages of which a document stays.
    """

    entries: set[Removal] = field(default_factory=set)
    matched: set[Name] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Steps:
    """The steps of the finished build that are searched."""

    read: StepOutput
    stored: StepOutput
    chunks: StepOutput


def find_matches(requests: Sequence[Request], steps: Steps, opened: Source, settings: Images) -> Matches:
    """What ``requests`` take out of a dataset, with all copies of it.

    A page of the same text as a removed one goes as well; of another page that shares a document with it
    (``also_at``), what is shared.

    :param opened: The source of the pages.
    """
    found = Matches()
    wanted = {name for request in requests for name in request.names}
    _find_images(found, wanted, steps, opened, settings)
    asked = Removals([Removal.of(name) for name in wanted] + list(found.entries))
    _find_pages(found, wanted, asked, steps, opened)
    found.entries |= {Removal.of(name) for name in wanted}
    _find_copies(found, steps)
    _find_left(found, steps)
    return found


def _find_images(found: Matches, wanted: set[Name], steps: Steps, opened: Source, settings: Images) -> None:
    """Places of the images that are named by the bytes that are stored."""
    ids = {value for kind, value in wanted if kind == "image"}
    inline: dict[str, set[str]] = {}
    for page in _rows(steps.stored, ["page_id", "path", "parts"]):
        for image in (part["image"] for part in page["parts"]):
            if image is None or image["image_id"] not in ids:
                continue
            found.matched.add(("image", image["image_id"]))
            found.images.add(image["image_id"])
            if not image["url"]:
                inline.setdefault(page["page_id"], set()).add(image["image_id"])
            elif "://" in image["url"]:
                found.entries.add(Removal.of(("url", plain_address(image["url"]))))
            else:
                found.entries.add(Removal.of(("image", image["url"])))
    for page in _rows(steps.read, ["page_id", "path", "parts"]) if inline else ():
        if page["page_id"] in inline:
            for data in _inline_data(page, opened):
                if _stored_id(data, settings) in inline[page["page_id"]]:
                    found.entries.add(Removal.of(("image", hashlib.sha256(data).hexdigest())))


def _inline_data(page: Mapping[str, Any], opened: Source) -> Iterator[bytes]:
    for part in page["parts"]:
        if part["image"] is not None and part["image"].lstrip()[:5].lower() == "data:":
            match locate(part["image"], page["path"], opened.root, opened.root_relative_links):
                case Data(data):
                    yield data


def _stored_id(data: bytes, settings: Images) -> str:
    try:
        return stored_image(data, settings.max_pixels).image_id
    except DeadImageError:
        return ""


def _find_pages(found: Matches, wanted: set[Name], asked: Removals, steps: Steps, opened: Source) -> None:
    """Pages and images that are named, pages that repeat such a page, and the addresses that nothing else needs."""
    texts: dict[str, list[tuple[str, str]]] = {}
    needed: set[str] = set()
    for page in _rows(steps.read, ["page_id", "row", "path", "url", "parts"]):
        own = set(page_names(page["page_id"], page["row"], page["url"]))
        found.matched |= own & wanted
        goes = asked.any_of(own)
        texts.setdefault(_text_key(page), []).append((page["page_id"], page["row"]))
        if goes:
            found.pages.add(page["page_id"])
        for reference in (part["image"] for part in page["parts"] if part["image"] is not None):
            names = set(image_names(reference, page["path"], opened))
            found.matched |= names & wanted
            if isinstance(address := web_url(reference), Url):
                (found.addresses if goes or asked.any_of(names) else needed).add(address.url)
    for equal in texts.values():
        if any(page_id in found.pages for page_id, _ in equal):
            for page_id, row in equal:
                found.pages.add(page_id)
                found.entries |= {Removal.of(("page", page_id)), Removal.of(("page", row))}
    found.addresses -= needed


def _text_key(page: Mapping[str, Any]) -> str:
    """Equal for pages of the same text; for pages without text, those of the same image references."""
    text = " ".join(" ".join(part["text"].split()) for part in page["parts"] if part["text"] is not None).strip()
    if not text:
        text = "\0".join(part["image"] for part in page["parts"] if part["image"] is not None)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _find_copies(found: Matches, steps: Steps) -> None:
    """Documents that go, and what other pages share with those of removed pages."""
    columns = ["doc_id", "page_id", "text", "images"]
    shared: set[str] = set()
    for row in _rows(steps.chunks, columns):
        if row["page_id"] in found.pages:
            shared.add(row["doc_id"])
        if any(image["image_id"] in found.images for image in row["images"]):
            found.documents.add(row["doc_id"])
    found.documents |= shared
    for row in _rows(steps.chunks, columns):
        if row["doc_id"] in shared and row["page_id"] not in found.pages:
            for piece in row["text"].replace(PLACEHOLDER, "\n").split("\n"):
                if text := piece.strip():
                    found.entries.add(Removal.of_text(text, row["page_id"]))
            for image in row["images"]:
                found.entries |= {Removal.of(name, row["page_id"]) for name in _stored_names(image)}


def _find_left(found: Matches, steps: Steps) -> None:
    """Pages of which a text or an image stays."""
    removals = Removals(found.entries)
    for row in _rows(steps.chunks, ["doc_id", "page_id", "text", "images"]):
        if row["page_id"] in found.pages or row["page_id"] in found.left:
            continue
        own = removals.of_page(row["page_id"])
        text = without_texts(row["text"].replace(PLACEHOLDER, "\n"), own)
        if text.strip() or any(not _is_removed(image, found, removals, own) for image in row["images"]):
            found.left.add(row["page_id"])


def _is_removed(image: Mapping[str, Any], found: Matches, removals: Removals, own: PageRemovals) -> bool:
    if image["image_id"] in found.images:
        return True
    names = [*_stored_names(image), *(url_names(image["url"]) if "://" in image["url"] else ())]
    return removals.any_of(names) or own.any_of(names)


def _stored_names(image: Mapping[str, Any]) -> Iterable[Name]:
    if "://" in image["url"]:
        yield "url", plain_address(image["url"])
    elif image["url"]:
        yield "image", image["url"]


def _rows(output: StepOutput, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of a step, some pages in memory."""
    for file in output.files():
        with pq.ParquetFile(file) as parts:
            for batch in parts.iter_batches(_BATCH, columns=columns):
                yield from batch.to_pylist()


def queries_on(out: Path, files: Iterable[str], documents: set[str]) -> set[str]:
    """Ids of the questions whose positive is one of ``documents``.

    :param files: Paths of table ``triplets``.
    """
    found: set[str] = set()
    for name in files:
        table = pq.read_table(out / name, columns=["query_id", "positive_id"])
        pairs = zip(table["query_id"].to_pylist(), table["positive_id"].to_pylist(), strict=True)
        found |= {query for query, document in pairs if document in documents}
    return found
