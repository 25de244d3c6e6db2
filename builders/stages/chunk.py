"""Stage ``chunk``: cut pages into documents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.chunking.cutter import Cut, Layout, cut, lay_out
from nyxqa.builders.chunking.tokenizers import Tokenizer, open_tokenizer, tokenizer_identity
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.rows import CHUNKS
from nyxqa.schemas.content import PLACEHOLDER, check_content, kind_of
from nyxqa.schemas.ids import doc_id
from nyxqa.schemas.locator import read_locator, write_locator
from nyxqa.schemas.recipe import Chunk

VERSION = 6
_FROM_PAGE = ("page_id", "title", "url", "license", "language", "source")


def chunk(run: Run, pages: StepOutput, settings: Chunk) -> StepOutput:
    """Cut pages into documents of at most ``max_tokens`` text tokens (Nyx paper), images at their places.

    :param pages: Rows of PAGES.
    :returns: Rows of CHUNKS.
    """
    lengths = section_params(settings, ("max_tokens", "max_images"), ("unit",))
    params = {"chunk": {**lengths, "tokenizer": tokenizer_identity(settings.tokenizer)}}
    step = Step("chunk", VERSION, params, (pages.fingerprint,), unit_in="page", unit_out="document")
    return run.map(step, partial(chunk_shard, settings), pages.files, CHUNKS)


def chunk_shard(settings: Chunk, file: Path) -> ShardOutput:
    """Documents of one shard of pages."""
    pages = pq.read_table(file).to_pylist()
    rows = list(chunk_pages(pages, settings))
    chunked = {row["page_id"] for row in rows}
    why = "no image to be a document" if settings.unit == "page" else ""
    empty = [Drop("page", p["page_id"], "", "empty", why) for p in pages if p["page_id"] not in chunked]
    account = Account([page["page_id"] for page in pages], [row["page_id"] for row in rows], empty)
    return ShardOutput(pa.Table.from_pylist(rows, schema=CHUNKS), account)


def chunk_pages(pages: Iterable[dict[str, Any]], settings: Chunk) -> Iterator[dict[str, Any]]:
    """Documents of ``pages`` (rows of PAGES) as rows of CHUNKS."""
    tokenizer = open_tokenizer(settings.tokenizer)
    if settings.unit == "page":
        yield from (document for page in pages for document in _sheets(page, tokenizer))
        return
    listed, count = list(pages), partial(_count, tokenizer)
    starts = iter(
        tokenizer.starts([part["text"] for page in listed for part in page["parts"] if part["text"] is not None])
    )
    for page in listed:
        texts = [part["text"] for part in page["parts"]]
        layout = lay_out(texts, [None if text is None else next(starts) for text in texts], PLACEHOLDER)
        images = [part["image"] for part in page["parts"] if part["image"] is not None]
        sections, places = _sections(page["parts"]), _places(page["parts"])
        pieces = cut(layout, settings.max_tokens, settings.max_images, count, tokenizer.words_only)
        for ordinal, piece in enumerate(pieces):
            document = _document(page, layout, piece, ordinal, images, sections)
            yield {**document, "locator": _locator(places, document["start"], document["end"])}


def _sheets(page: dict[str, Any], tokenizer: Tokenizer) -> Iterator[dict[str, Any]]:
    """Every image of a page as a document; the tokens of its caption count as its own."""
    position = ordinal = 0
    for part in page["parts"]:
        length = len(PLACEHOLDER if part["text"] is None else part["text"])
        if part["image"] is not None:
            yield {
                "place": f"{page['page_id']}:{ordinal}",
                "doc_id": doc_id(PLACEHOLDER, [part["image"]["image_id"]]),
                "text": PLACEHOLDER,
                "images": [part["image"]],
                "kind": kind_of(1),
                "n_tokens": tokenizer.count(part["image"]["caption"]),
                "chunk": ordinal,
                "section": part["section"],
                "external_id": page["row"],
                "start": position,
                "end": position + length,
                "locator": part.get("locator") or "",
                **{name: page[name] for name in _FROM_PAGE},
            }
            ordinal += 1
        position += length + 1


def _count(tokenizer: Tokenizer, layout: Layout, start: int, stop: int) -> int:
    """Text tokens of a chunk, without the placeholders of its images."""
    images, part = (bisect_left(layout.images, at) for at in (start, stop)), bisect_right(layout.borders, start)
    if next(images) == next(images) and part == bisect_left(layout.borders, stop):  # within the text of one part
        return tokenizer.count_within(layout.text, layout.tokens, start, stop)
    return tokenizer.count(layout.text[start:stop].replace(PLACEHOLDER, ""))


def _document(
    page: dict[str, Any], layout: Layout, piece: Cut, ordinal: int, images: list[Any], sections: list[tuple[int, str]]
) -> dict[str, Any]:
    raw = layout.text[piece.start : piece.end]
    text = raw.strip()
    first = piece.start + len(raw) - len(raw.lstrip())
    own = images[piece.first_image : piece.first_image + piece.images]
    check_content(text, len(own))
    return {
        "place": f"{page['page_id']}:{ordinal}",
        "doc_id": doc_id(text, [image["image_id"] for image in own]),
        "text": text,
        "images": own,
        "kind": kind_of(len(own)),
        "n_tokens": piece.tokens,
        "chunk": ordinal,
        "section": sections[bisect_right(sections, first, key=itemgetter(0)) - 1][1],
        "external_id": page["row"],
        "start": first,
        "end": first + len(text),
        **{name: page[name] for name in _FROM_PAGE},
    }


def _sections(parts: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Start of each part in the page's text, and its section."""
    sections, position = [], 0
    for part in parts:
        sections.append((position, part["section"]))
        position += len(PLACEHOLDER if part["text"] is None else part["text"]) + 1
    return sections


def _places(parts: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Start and end of each part that comes from a PDF, in the page's text, and its locator."""
    places, position = [], 0
    for part in parts:
        length = len(PLACEHOLDER if part["text"] is None else part["text"])
        if part.get("locator"):
            places.append((position, position + length, part["locator"]))
        position += length + 1
    return places


def _locator(places: list[tuple[int, int, str]], start: int, end: int) -> str:
    """Sheets and boxes of the parts that a document has text of."""
    first = bisect_right(places, start, key=itemgetter(1))
    own = (locator for _, _, locator in takewhile(lambda place: place[0] < end, places[first:]))
    return write_locator(place for locator in own for place in read_locator(locator))
