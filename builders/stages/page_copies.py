"""Steps of stage ``prefilter`` that must see every page: blocks that many pages share, and pages of equal content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.equal_keys import first_equal
from nyxqa.builders.engine.exchange import KEY, Items, exchange, rows_where
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.filters.common_blocks import (
    Parts,
    block_hashes,
    common_among,
    dropped_blocks,
    frequent_blocks,
    without_blocks,
)
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.recipe import Prefilter

_BLOCKS_VERSION = 1
_CONTENTS_VERSION = 1
_COPIES_VERSION = 6
_COMMON = "common.json"
_PAGES_A_RANGE = 1 << 18
_BLOCK_PAGES_A_RANGE = 1 << 15  # a page has many blocks

# A block of a page: its hash, a key by which pages are drawn, and where the page stands.
_BLOCKS = pa.schema([(KEY, pa.uint64()), ("page", pa.uint64()), ("shard", pa.int32()), ("row", pa.int32())])
# A block on many pages: their number, and those of them that are compared.
_FREQUENT = pa.schema(
    [(KEY, pa.uint64()), ("pages", pa.int64()), ("shards", pa.list_(pa.int32())), ("rows", pa.list_(pa.int32()))]
)
# A page: 128 bits of what it holds, where it stands, and its id as 128 bits.
_CONTENTS = pa.schema(
    [(KEY, pa.uint64()), ("rest", pa.uint64()), ("shard", pa.int32()), ("row", pa.int32()), ("page", pa.binary(16))]
)
# A page equal to an earlier one: where it stands, and the id of the first of them.
_COPIES = pa.schema([("shard", pa.int32()), ("row", pa.int32()), ("first", pa.string())])

Task = tuple[int, Path]


class Decisions(NamedTuple):
    """What was decided over all pages.

    :param common: Output that holds the common blocks.
    :param copies: Output that holds the pages equal to earlier ones.
    """

    common: StepOutput
    copies: StepOutput


def decide_over_pages(run: Run, pages: StepOutput, settings: Prefilter) -> Decisions:
    """Find the blocks that go, and then the pages that are equal to an earlier one without them.

    :param pages: Rows of SOURCE_PAGES.
    """
    params = section_params(settings, ("common", "keep"))
    frequent = exchange(
        run,
        Items(partial(len, pages), _BLOCK_PAGES_A_RANGE),
        (Step("prefilter/blocks", _BLOCKS_VERSION, {}, (pages.fingerprint,)), blocks_of_file, _BLOCKS),
        partial(numbered_files, pages),
        (Step("prefilter/frequent", _BLOCKS_VERSION, params), partial(frequent_rows, settings.common), _FREQUENT),
    )
    common = run.run_once(
        Step("prefilter/common", _BLOCKS_VERSION, {}, (frequent.fingerprint,)), partial(_write_common, pages, frequent)
    )
    inputs = (pages.fingerprint, common.fingerprint)
    copies = exchange(
        run,
        Items(partial(len, pages), _PAGES_A_RANGE),
        (
            Step("prefilter/contents", _CONTENTS_VERSION, params, inputs),
            partial(contents_of_file, common.folder, tuple(settings.keep)),
            _CONTENTS,
        ),
        partial(numbered_files, pages),
        (Step("prefilter/copies", _COPIES_VERSION), copied_rows, _COPIES),
    )
    return Decisions(common, copies)


def numbered_files(pages: StepOutput) -> list[Task]:
    """Part files with their numbers."""
    return list(enumerate(pages.files()))


def blocks_of_file(task: Task) -> pa.Table:
    """Each distinct block of each page of a part file, without headings."""
    shard, file = task
    table = pq.read_table(file, columns=["page_id", "parts"])
    hashes = [block_hashes(parts) for parts in table["parts"].to_pylist()]
    lengths = np.array([len(one) for one in hashes], np.int64)
    keys = np.array([int(one[:16], 16) for one in table["page_id"].to_pylist()], np.uint64)
    return pa.table(
        {
            KEY: np.concatenate([np.zeros(0, np.uint64), *hashes]),
            "page": np.repeat(keys, lengths),
            "shard": np.full(int(lengths.sum()), shard, np.int32),
            "row": np.repeat(np.arange(len(hashes), dtype=np.int32), lengths),
        },
        schema=_BLOCKS,
    )


def frequent_rows(share: float, blocks: pa.Table, pages: int) -> pa.Table:
    """The blocks of one range that are on many of all pages."""
    found = frequent_blocks(blocks[KEY].to_numpy(), blocks["page"].to_numpy(), share, pages)
    shards, rows = (blocks[name].to_numpy() for name in ("shard", "row"))
    columns = {
        KEY: [block for block, _, _ in found],
        "pages": [count for _, count, _ in found],
        "shards": [shards[sample].tolist() for _, _, sample in found],
        "rows": [rows[sample].tolist() for _, _, sample in found],
    }
    return pa.table(columns, schema=_FREQUENT)


def _write_common(pages: StepOutput, frequent: StepOutput, folder: Path) -> None:
    """Write the number of pages of each block that goes."""
    found = {row[KEY]: (row["pages"], list(zip(row["shards"], row["rows"], strict=True))) for row in frequent.rows()}
    common = common_among(found, partial(_parts, pages.files()))
    write_json(folder / _COMMON, {str(block): count for block, count in common.items()})


def _parts(files: Sequence[Path], shard: int, rows: Sequence[int]) -> list[Parts]:
    """Parts of some pages of one part file."""
    found: list[Parts] = pq.read_table(files[shard], columns=["parts"])["parts"].take(pa.array(rows)).to_pylist()
    return found


@lru_cache(maxsize=2)
def read_common(folder: Path) -> dict[int, int]:
    """The common blocks that a step wrote into ``folder``, which never change: pages by block."""
    return {int(block): count for block, count in read_json(folder / _COMMON).items()}


def contents_of_file(common: Path, keep: tuple[str, ...], task: Task) -> pa.Table:
    """What each page of a part file holds, without its common blocks."""
    shard, file = task
    table = pq.read_table(file, columns=["page_id", "parts"])
    dropped = blocks_that_go(table["parts"].to_pylist(), read_common(common), keep)
    digests = b"".join(_content_hash(without_blocks(parts, gone)[0]) for parts, gone in dropped)
    halves = np.frombuffer(digests, ">u8").astype(np.uint64).reshape(-1, 2)
    count = len(dropped)
    return pa.table(
        {
            KEY: halves[:, 0],
            "rest": halves[:, 1],
            "shard": np.full(count, shard, np.int32),
            "row": np.arange(count, dtype=np.int32),
            "page": [bytes.fromhex(one) for one in table["page_id"].to_pylist()],
        },
        schema=_CONTENTS,
    )


def blocks_that_go(
    pages: Sequence[Parts], common: dict[int, int], keep: Sequence[str]
) -> list[tuple[Parts, list[int]]]:
    """Parts of each page with the ordinals of its blocks that go."""
    patterns = [re.compile(pattern) for pattern in keep]
    return [(parts, dropped_blocks(parts, common, patterns) if common else []) for parts in pages]


def _content_hash(parts: Parts) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        kind, value = ("t", part["text"]) if part["image"] is None else ("i", part["image"])
        data = f"{kind}{value}".encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()[:16]


def copied_rows(contents: pa.Table, _: int) -> pa.Table:
    """The pages of one range that are equal to an earlier page, by where they stand."""
    keys = np.stack([contents[name].to_numpy() for name in (KEY, "rest")], axis=1)
    first = first_equal(keys)
    copied = np.flatnonzero(first != np.arange(len(keys)))
    ids = contents["page"].take(pa.array(first[copied])).to_pylist()
    rows = contents.select(["shard", "row"]).take(pa.array(copied))
    rows = rows.append_column("first", pa.array([one.hex() for one in ids], pa.string()))
    return rows.sort_by([("shard", "ascending"), ("row", "ascending")]).cast(_COPIES)


def first_pages(copies: StepOutput, shard: int) -> dict[int, str]:
    """Of each copy in a part file the id of the first page equal to it, by row."""
    found = rows_where(copies, "shard", shard)
    return dict(zip(found["row"].to_pylist(), found["first"].to_pylist(), strict=True))
