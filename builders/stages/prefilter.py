"""Stage ``prefilter``: drop copies, short pages and other languages before any image is fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

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
from nyxqa.builders.filters.language import detect, is_tag, matches
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter
from nyxqa.schemas.words import word_count

VERSION = 4
_KEYS = ("enabled", "min_words", "languages")  # data keys of recipe section ``[prefilter]``
_COPIES = pa.schema([("page_id", pa.string()), ("first", pa.string())])


def prefilter(run: Run, pages: StepOutput, settings: Prefilter) -> StepOutput:
    """Retain pages of at least ``min_words`` words in ``languages``, the first of equal text and image references.

    A page that states no language gets the detected one, whatever the settings.

    :param pages: Rows of SOURCE_PAGES.
    :raises UsageError: If an entry of ``languages`` is not a language tag.
    """
    for language in settings.languages:
        if not is_tag(language):
            raise UsageError(f"prefilter.languages: {language!r} is not a BCP-47 tag, such as 'en' or 'pt-BR'")
    return decide_then_apply(
        run,
        pages,
        Step("prefilter/copies", VERSION, {"enabled": settings.enabled}),
        partial(write_copies, pages, settings.enabled),
        Step("prefilter", VERSION, section_params(settings, _KEYS), unit_in="page", unit_out="page"),
        paired_files,
        partial(prefilter_shard, settings),
        SOURCE_PAGES,
    )


def write_copies(pages: StepOutput, enabled: bool, folder: Path) -> None:
    """Write, for each part file, which of its pages equal an earlier page; holds 56 bytes per page."""
    files = pages.files()
    ids, contents, ends = [_no_keys()], [_no_keys()], [0]
    for file in files:
        table = pq.read_table(file, columns=["page_id", "parts"])
        ids.append(_key_halves(bytes.fromhex("".join(table["page_id"].to_pylist()))))
        contents.append(_key_halves(b"".join(_digests(table)) if enabled else b""))
        ends.append(ends[-1] + table.num_rows)
    page, content = np.concatenate(ids), np.concatenate(contents)
    first = first_equal(content) if enabled else np.arange(len(page))
    for shard, start in enumerate(ends[:-1]):
        copied = start + np.flatnonzero(first[start : ends[shard + 1]] != np.arange(start, ends[shard + 1]))
        columns = [pa.array(_hex(page[of]), pa.string()) for of in (copied, first[copied])]
        write_table(part_file(folder, shard), pa.table(columns, schema=_COPIES))


def _digests(table: pa.Table) -> list[bytes]:
    return [_content_hash(parts) for parts in table["parts"].to_pylist()]


def _content_hash(parts: list[dict[str, Any]]) -> bytes:
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

    :param task: Part file of the pages and the file of their copies.
    """
    table, copies = (pq.read_table(file) for file in task)
    first = dict(zip(*(copies[name].to_pylist() for name in ("page_id", "first")), strict=True))
    ids, rows, stated = (table[name].to_pylist() for name in ("page_id", "row", "language"))
    drops: dict[str, Drop] = {}
    for index, parts in enumerate(table["parts"].to_pylist()):
        texts = [part["text"] for part in parts if part["text"] is not None]
        rejection = _rejection(texts, first.get(ids[index]), settings) if settings.enabled else None
        if rejection is None:
            stated[index], rejection = _language(stated[index], texts, settings)
        if rejection is not None:
            reason, detail = rejection
            drops[ids[index]] = Drop("page", ids[index], "", reason, f"{rows[index]}: {detail}")
    table = table.set_column(table.schema.get_field_index("language"), "language", pa.array(stated, pa.string()))
    kept = table.filter(pa.array([page_id not in drops for page_id in ids], pa.bool_()))
    return ShardOutput(kept.cast(SOURCE_PAGES), Account(ids, kept["page_id"].to_pylist(), list(drops.values())))


def _rejection(texts: Sequence[str], first: str | None, settings: Prefilter) -> tuple[str, str] | None:
    """Reason and detail if the page is dropped, whatever its language."""
    if first is not None:
        return "same_page_content", f"equal to page {first}"
    if not _enough_words(texts, settings.min_words):
        return "too_short", f"fewer than {settings.min_words} words"
    return None


def _language(
    stated: str | None, texts: Sequence[str], settings: Prefilter
) -> tuple[str | None, tuple[str, str] | None]:
    """The page's language, and reason and detail if it is not one of ``languages``."""
    found = None if stated is not None else detect(texts)
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
