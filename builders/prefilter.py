"""Stage ``prefilter``: pages go before any image is fetched: copies, too short ones, other languages."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.account import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import SOURCE_PAGES
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Prefilter
from nyxqa.schemas.words import words

VERSION = 1
_COPIES = pa.schema([("page_id", pa.string()), ("first", pa.string())])


def prefilter(run: Run, pages: Parts, settings: Prefilter) -> Parts:
    """Keep the first of pages equal in text and image references, of at least ``min_words`` words."""
    if settings.languages:
        raise UsageError("prefilter.languages needs a language detector, which this version does not have")
    params = settings.model_dump(mode="json")
    find = Step("prefilter/copies", VERSION, {"enabled": settings.enabled}, (pages.fingerprint,))
    copies = run.whole(find, partial(write_copies, pages, settings.enabled))
    step = Step("prefilter", VERSION, params, (copies.fingerprint,), unit_in="page", unit_out="page")
    function = partial(prefilter_shard, settings, copies.folder / "copies.parquet")
    return run.map(step, function, pages.files, SOURCE_PAGES)


def write_copies(pages: Parts, enabled: bool, folder: Path) -> None:
    """Write which pages equal an earlier one."""
    first: dict[bytes, str] = {}
    copies: list[tuple[str, str]] = []
    if enabled:
        for row in pages.rows(["page_id", "parts"]):
            stays = first.setdefault(_content_hash(row["parts"]), row["page_id"])
            if stays != row["page_id"]:
                copies.append((row["page_id"], stays))
    columns = zip(*copies, strict=True) if copies else ([], [])
    write_table(folder / "copies.parquet", pa.table([pa.array(c, pa.string()) for c in columns], schema=_COPIES))


def _content_hash(parts: list[dict[str, Any]]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        kind, value = ("t", part["text"]) if part["image"] is None else ("i", part["image"])
        data = f"{kind}{value}".encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()[:16]


def prefilter_shard(settings: Prefilter, copies: Path, file: Path) -> ShardOutput:
    """Pages of one shard that stay."""
    table = pq.read_table(file)
    first = {row["page_id"]: row["first"] for row in pq.read_table(copies).to_pylist()}
    drops: dict[str, Drop] = {}
    for page in table.to_pylist() if settings.enabled else []:
        page_id = page["page_id"]
        if page_id in first:
            drops[page_id] = Drop("page", page_id, "", "same_page_content", f"equal to page {first[page_id]}")
        elif not _enough_words(page["parts"], settings.min_words):
            drops[page_id] = Drop("page", page_id, "", "too_short", f"fewer than {settings.min_words} words")
    ids = table["page_id"].to_pylist()
    kept = table.filter(pa.array([page_id not in drops for page_id in ids], pa.bool_()))
    return ShardOutput(kept.cast(SOURCE_PAGES), Account(ids, kept["page_id"].to_pylist(), list(drops.values())))


def _enough_words(parts: list[dict[str, Any]], least: int) -> bool:
    found = 0
    for part in parts:
        found += len(words(part["text"])) if part["text"] is not None and found < least else 0
    return found >= least
