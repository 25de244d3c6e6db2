"""Stage ``prefilter``: drop common blocks, copies, short pages and other languages before any image is fetched."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.base import Filter, Rejection, apply_filters
from nyxqa.builders.filters.common_blocks import without_blocks
from nyxqa.builders.filters.language import detect_all, is_tag
from nyxqa.builders.filters.pages import CopyFilter, LanguageFilter, LengthFilter, page_texts, with_languages
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.builders.stages.page_copies import (
    Decisions,
    blocks_that_go,
    decide_over_pages,
    first_pages,
    numbered_files,
    read_common,
)
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter

VERSION = 5
_KEYS = ("enabled", "min_words", "languages")  # data keys of recipe section ``[prefilter]``


def prefilter(run: Run, pages: StepOutput, settings: Prefilter, captions: bool = False) -> StepOutput:
    """Retain pages of at least ``min_words`` words in ``languages``, the first of equal text and image references.

    Before, blocks of text that many otherwise different pages share are taken out of them. A page that states no
    language gets the detected one, whatever the settings.

    :param pages: Rows of SOURCE_PAGES.
    :param captions: Whether captions count as text of their page, since its images are the documents (``chunk.unit``).
    :raises UsageError: If an entry of ``languages`` is not a language tag, or one of ``keep`` no regular expression.
    """
    _patterns(settings)
    for language in settings.languages:
        if not is_tag(language):
            raise UsageError(f"prefilter.languages: {language!r} is not a BCP-47 tag, such as 'en' or 'pt-BR'")
    decided = decide_over_pages(run, pages, settings) if settings.enabled else None
    inputs = (pages.fingerprint if decided is None else decided.copies.fingerprint,)
    params = {**section_params(settings, _KEYS), **({"captions": True} if captions else {})}
    step = Step("prefilter", VERSION, params, inputs, unit_in="page", unit_out="page")
    return run.map(
        step, partial(prefilter_shard, settings, captions, decided), partial(numbered_files, pages), SOURCE_PAGES
    )


def _patterns(settings: Prefilter) -> list[re.Pattern[str]]:
    try:
        return [re.compile(pattern) for pattern in settings.keep]
    except re.error as error:
        raise UsageError(f"prefilter.keep: {error.pattern!r} is not a regular expression: {error.msg}") from error


def prefilter_shard(
    settings: Prefilter, captions: bool, decided: Decisions | None, task: tuple[int, Path]
) -> ShardOutput:
    """Retained pages of one shard, with their language where it is known.

    :param captions: Whether captions count as text of their page.
    :param decided: What was decided over all pages; None where nothing is dropped.
    :param task: Number and part file of the shard.
    """
    shard, file = task
    pages, rows = pq.read_table(file).to_pylist(), []
    account = Account([page["page_id"] for page in pages])
    common: dict[int, int] = {}
    first: dict[int, str] = {}
    if decided is not None:
        common, first = read_common(decided.common.folder), first_pages(decided.copies, shard)
    lost = blocks_that_go([page["parts"] for page in pages], common, settings.keep)
    characters: list[int] = []
    for page, (parts, blocks) in zip(pages, lost, strict=True):
        page["parts"], removed = without_blocks(parts, blocks)
        characters.append(removed)
    rejected = _rejected(pages, first, settings, captions)
    for row, page in enumerate(pages):
        blocks = lost[row][1]
        if row in rejected:
            reason, detail = rejected[row].reason, f"{page['row']}: {rejected[row].detail}"
            account.dropped.append(Drop("page", page["page_id"], "", reason, detail))
            continue
        if blocks:
            account.notes.append(_note(page["page_id"], blocks, characters[row]))
        rows.append(page)
    account.parents = [page["page_id"] for page in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SOURCE_PAGES), account)


def _rejected(
    pages: list[dict[str, Any]], first: dict[int, str], settings: Prefilter, captions: bool
) -> dict[int, Rejection]:
    """Why pages are dropped, by row; the others get the detected language if they state none."""
    texts = [[text for part in page["parts"] if (text := _text(part, captions)) is not None] for page in pages]
    table = page_texts(range(len(pages)), texts, [page["language"] for page in pages])
    filters: list[Filter] = [CopyFilter(first), LengthFilter(settings.min_words)] if settings.enabled else []
    table, rejected = apply_filters(table, filters)
    left = table["row"].to_pylist()
    unknown = [row for row in left if pages[row]["language"] is None]
    found = dict(zip(unknown, detect_all(texts[row] for row in unknown), strict=True))
    if settings.enabled and settings.languages:
        table = with_languages(table, [found.get(row) for row in left])
        more = apply_filters(table, [LanguageFilter(settings.languages)])[1]
        rejected |= {left[number]: rejection for number, rejection in more.items()}
    for row, detected in found.items():
        pages[row]["language"] = None if detected is None else detected.tag
    return rejected


def _text(part: dict[str, Any], captions: bool) -> str | None:
    """The text of a part; of a sheet of a PDF that is a picture what is written on it.

    :param captions: Whether the caption of any other picture is text, too.
    """
    written = part["text"] is None and (captions or part.get("locator"))
    text: str | None = part["caption"] if written else part["text"]
    return text


def _note(page_id: str, blocks: list[int], characters: int) -> Drop:
    """The ledger row of a page that lost common blocks, named after the first of them."""
    detail = f"{len(blocks)} blocks that many pages share, {characters} characters"
    return Drop("block", f"{page_id}:{blocks[0]}", page_id, "common_block", detail)
