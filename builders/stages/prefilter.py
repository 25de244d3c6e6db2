"""Stage ``prefilter``: drop common blocks, copies, short pages and other languages before any image is fetched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.common_blocks import without_blocks
from nyxqa.builders.filters.language import Detected, detect_all, is_tag, matches
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
from nyxqa.schemas.words import word_count

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
    dropped = blocks_that_go([page["parts"] for page in pages], common, settings.keep)
    left: list[_Left] = []
    for row, (page, (parts, blocks)) in enumerate(zip(pages, dropped, strict=True)):
        page["parts"], characters = without_blocks(parts, blocks)
        texts = [text for part in page["parts"] if (text := _text(part, captions)) is not None]
        rejection = _rejection(texts, first.get(row), settings) if settings.enabled else None
        left.append(_Left(page, texts, rejection, blocks, characters))
    unknown = [one for one in left if one.rejection is None and one.page["language"] is None]
    found = dict(zip(map(id, unknown), detect_all(one.texts for one in unknown), strict=True))
    for one in left:
        page, rejection = one.page, one.rejection
        if rejection is None:
            page["language"], rejection = _language(page["language"], found.get(id(one)), settings)
        if rejection is not None:
            reason, detail = rejection
            account.dropped.append(Drop("page", page["page_id"], "", reason, f"{page['row']}: {detail}"))
            continue
        if one.blocks:
            account.notes.append(_note(page["page_id"], one.blocks, one.characters))
        rows.append(page)
    account.parents = [page["page_id"] for page in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=SOURCE_PAGES), account)


class _Left(NamedTuple):
    """A page without its common blocks.

    :param texts: Its texts.
    :param rejection: Reason and detail if it is dropped, whatever its language.
    :param blocks: The blocks that it lost, of so many ``characters``.
    """

    page: dict[str, Any]
    texts: list[str]
    rejection: tuple[str, str] | None
    blocks: list[int]
    characters: int


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


def _rejection(texts: Sequence[str], first: str | None, settings: Prefilter) -> tuple[str, str] | None:
    """Reason and detail if the page is dropped, whatever its language."""
    if first is not None:
        return "same_page_content", f"equal to page {first}"
    if not _enough_words(texts, settings.min_words):
        return "too_short", f"fewer than {settings.min_words} words"
    return None


def _language(
    stated: str | None, found: Detected | None, settings: Prefilter
) -> tuple[str | None, tuple[str, str] | None]:
    """The page's language, and reason and detail if it is not one of ``languages``.

    :param found: The detected language of a page that states none; None with too little text.
    """
    tag = stated if found is None else found.tag
    if not (settings.enabled and settings.languages) or (tag is not None and matches(tag, settings.languages)):
        return tag, None
    if stated is not None:
        return tag, ("language", f"{stated}, as the page says")
    return tag, ("language", f"{found.best}, score {found.score}" if found else "too little text to tell")


def _enough_words(texts: Sequence[str], minimum: int) -> bool:
    count = 0
    for text in texts:
        count += word_count(text, minimum - count) if count < minimum else 0
    return count >= minimum
