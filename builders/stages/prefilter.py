"""Stage ``prefilter``: drop common blocks, copies, short pages and other languages before any image is fetched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.equal_keys import Keys, first_equal
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.common_blocks import Parts, common_blocks, dropped_blocks, without_blocks
from nyxqa.builders.filters.language import Detected, detect_all, is_tag, matches
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter
from nyxqa.schemas.words import word_count

VERSION = 5
_KEYS = ("enabled", "min_words", "languages")  # data keys of recipe section ``[prefilter]``
# What is decided over all pages: of a page the first page equal to it, and the blocks that go.
_DECISIONS = pa.schema([("page_id", pa.string()), ("first", pa.string()), ("blocks", pa.list_(pa.int32()))])


def prefilter(run: Run, pages: StepOutput, settings: Prefilter) -> StepOutput:
    """Retain pages of at least ``min_words`` words in ``languages``, the first of equal text and image references.

    Before, blocks of text that many otherwise different pages share are taken out of them. A page that states no
    language gets the detected one, whatever the settings.

    :param pages: Rows of SOURCE_PAGES.
    :raises UsageError: If an entry of ``languages`` is not a language tag, or one of ``keep`` no regular expression.
    """
    _patterns(settings)
    for language in settings.languages:
        if not is_tag(language):
            raise UsageError(f"prefilter.languages: {language!r} is not a BCP-47 tag, such as 'en' or 'pt-BR'")
    return decide_then_apply(
        run,
        pages,
        Step("prefilter/copies", VERSION, section_params(settings, ("enabled", "common", "keep"))),
        partial(write_decisions, pages, settings),
        Step("prefilter", VERSION, section_params(settings, _KEYS), unit_in="page", unit_out="page"),
        paired_files,
        partial(prefilter_shard, settings),
        SOURCE_PAGES,
    )


def _patterns(settings: Prefilter) -> list[re.Pattern[str]]:
    try:
        return [re.compile(pattern) for pattern in settings.keep]
    except re.error as error:
        raise UsageError(f"prefilter.keep: {error.pattern!r} is not a regular expression: {error.msg}") from error


def write_decisions(pages: StepOutput, settings: Prefilter, folder: Path) -> None:
    """Write, for each part file, which blocks of its pages go and which pages then equal an earlier page.

    Holds 56 bytes for each page, besides what ``common_blocks`` holds.
    """
    files, keep = pages.files(), _patterns(settings)
    common = common_blocks(files, settings.common) if settings.enabled else {}
    ids, contents, ends = [_no_keys()], [_no_keys()], [0]
    blocks: list[dict[int, list[int]]] = []  # by place in the file
    for file in files:
        table = pq.read_table(file, columns=["page_id", "parts"])
        ids.append(_key_halves(bytes.fromhex("".join(table["page_id"].to_pylist()))))
        parts = table["parts"].to_pylist() if settings.enabled else []
        found = ((place, dropped_blocks(one, common, keep)) for place, one in enumerate(parts) if common)
        blocks.append({place: ordinals for place, ordinals in found if ordinals})
        left = (without_blocks(one, blocks[-1].get(place, ()))[0] for place, one in enumerate(parts))
        contents.append(_key_halves(b"".join(map(_content_hash, left))))
        ends.append(ends[-1] + table.num_rows)
    page, content = np.concatenate(ids), np.concatenate(contents)
    first = first_equal(content) if settings.enabled else np.arange(len(page))
    for shard, start in enumerate(ends[:-1]):
        here = np.arange(start, ends[shard + 1])
        copied = first[here] != here
        decided = here[copied | np.isin(here - start, list(blocks[shard]))]
        firsts = [_hex(page[first[[one]]])[0] if first[one] != one else None for one in decided.tolist()]
        dropped = [blocks[shard].get(one - start, []) for one in decided.tolist()]
        columns = [pa.array(_hex(page[decided]), pa.string()), pa.array(firsts, pa.string())]
        columns.append(pa.array(dropped, pa.list_(pa.int32())))
        write_table(part_file(folder, shard), pa.table(columns, schema=_DECISIONS))


def _content_hash(parts: Parts) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        kind, value = ("t", part["text"]) if part["image"] is None else ("i", part["image"])
        data = f"{kind}{value}".encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()[:16]


def _key_halves(data: bytes) -> Keys:
    """Halves of keys of 16 bytes, uint64 [keys, 2]."""
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2)


def _no_keys() -> Keys:
    return np.zeros((0, 2), np.uint64)


def _hex(keys: Keys) -> list[str]:
    return [f"{high:016x}{low:016x}" for high, low in keys.tolist()]


def prefilter_shard(settings: Prefilter, task: tuple[Path, Path]) -> ShardOutput:
    """Retained pages of one shard, with their language where it is known.

    :param task: Part file of the pages and the file of what was decided about them.
    """
    table, decisions = (pq.read_table(file) for file in task)
    decided = {one["page_id"]: one for one in decisions.to_pylist()}
    pages, rows = table.to_pylist(), []
    account = Account([page["page_id"] for page in pages])
    left: list[_Left] = []
    for page in pages:
        decision = decided.get(page["page_id"], {"first": None, "blocks": []})
        page["parts"], characters = without_blocks(page["parts"], decision["blocks"])
        texts = [text for part in page["parts"] if (text := _text(part)) is not None]
        rejection = _rejection(texts, decision["first"], settings) if settings.enabled else None
        left.append(_Left(page, texts, rejection, decision["blocks"], characters))
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


def _text(part: dict[str, Any]) -> str | None:
    """The text of a part; of a sheet of a PDF that is a picture what is written on it."""
    text: str | None = part["caption"] if part["text"] is None and part.get("locator") else part["text"]
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
