"""Stage ``chunk``: cut pages into documents."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import partial
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
from nyxqa.schemas.recipe import Chunk

VERSION = 5
_FROM_PAGE = ("page_id", "title", "url", "license", "language", "source")


def chunk(run: Run, pages: StepOutput, settings: Chunk) -> StepOutput:
    """Cut pages into documents of at most ``max_tokens`` text tokens (Nyx paper), images at their places.

    :param pages: Rows of PAGES.
    :returns: Rows of CHUNKS.
    """
    lengths = section_params(settings, ("max_tokens", "max_images"))
    params = {"chunk": {**lengths, "tokenizer": tokenizer_identity(settings.tokenizer)}}
    step = Step("chunk", VERSION, params, (pages.fingerprint,), unit_in="page", unit_out="document")
    return run.map(step, partial(chunk_shard, settings), pages.files, CHUNKS)


def chunk_shard(settings: Chunk, file: Path) -> ShardOutput:
    """Documents of one shard of pages."""
    pages = pq.read_table(file).to_pylist()
    rows = list(chunk_pages(pages, settings))
    chunked = {row["page_id"] for row in rows}
    empty = [Drop("page", p["page_id"], "", "empty") for p in pages if p["page_id"] not in chunked]
    account = Account([page["page_id"] for page in pages], [row["page_id"] for row in rows], empty)
    return ShardOutput(pa.Table.from_pylist(rows, schema=CHUNKS), account)


def chunk_pages(pages: Iterable[dict[str, Any]], settings: Chunk) -> Iterator[dict[str, Any]]:
    """Documents of ``pages`` (rows of PAGES) as rows of CHUNKS."""
    tokenizer = open_tokenizer(settings.tokenizer)
    listed, count = list(pages), partial(_count, tokenizer)
    starts = iter(
        tokenizer.starts([part["text"] for page in listed for part in page["parts"] if part["text"] is not None])
    )
    for page in listed:
        texts = [part["text"] for part in page["parts"]]
        layout = lay_out(texts, [None if text is None else next(starts) for text in texts], PLACEHOLDER)
        images = [part["image"] for part in page["parts"] if part["image"] is not None]
        sections = _sections(page["parts"])
        pieces = cut(layout, settings.max_tokens, settings.max_images, count, tokenizer.words_only)
        for ordinal, piece in enumerate(pieces):
            yield _document(page, layout, piece, ordinal, images, sections)


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
