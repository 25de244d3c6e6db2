"""Step ``images``: drop images that many pages share, such as logos and icons, with their placeholders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.phash_pairs import near_images
from nyxqa.builders.dedup.settings import MIN_PAGES
from nyxqa.builders.dedup.word_hashes import I64
from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.limits import current
from nyxqa.builders.engine.shard import notes_file
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.images.references import images_of
from nyxqa.builders.rows import PAGES

_SEARCH = ".common-images"

# Pages of each hash and of all hashes within the distance; a page counts once.
_COUNTS = """
SELECT h, count(DISTINCT page) AS pages FROM (
    SELECT h, page FROM seen
    UNION ALL SELECT a, page FROM image_pair JOIN seen ON seen.h = b
    UNION ALL SELECT b, page FROM image_pair JOIN seen ON seen.h = a)
GROUP BY h HAVING count(DISTINCT page) > $limit ORDER BY h
"""


@dataclass(frozen=True, slots=True)
class CommonTask:
    """A part file, its ledger, and the number of pages of each common image by its perceptual hash."""

    file: Path
    ledger: Path
    pages: dict[int, int]


def common_tasks(stored: StepOutput, share: float, distance: int, work: Path) -> Iterator[CommonTask]:
    """One task per part file, once common images are known; holds 16 bytes for each image of each page.

    An image is common if it and the images near-identical to it are on more than ``max(5, share * pages)`` pages.
    Near-identity is not transitive: a chain of charts, each similar to the next, is not common. Flat pictures are
    near-identical only to those of equal hash.

    :param share: ``images.common``.
    :param distance: Most differing bits between perceptual hashes of near-identical images.
    :param work: Folder for a temporary database.
    """
    seen = [np.zeros((0, 2), np.int64)]
    pages = 0
    for file in stored.files():
        parts = _parts(file)
        page, images = images_of(parts)
        seen.append(np.unique(np.stack([page + pages, _phashes(images)], axis=1), axis=0))
        pages += len(parts)
    common = common_hashes(np.concatenate(seen), max(MIN_PAGES, share * pages), distance, work)
    for file in stored.files():
        yield CommonTask(file, file.with_name(file.name.replace("part-", "ledger-")), common)


def common_hashes(seen: I64, limit: float, distance: int, work: Path) -> dict[int, int]:
    """Number of pages by perceptual hash, of images on more than ``limit`` pages.

    :param seen: Distinct pairs of page and hash, int64 [pairs, 2].
    :param work: Folder for a temporary database.
    """
    values, number, exact = np.unique(seen[:, 1], return_inverse=True, return_counts=True)
    if len(np.unique(seen[:, 0])) <= limit:
        return {}
    if distance == 0:
        common = exact > limit
        return dict(zip(values[common].tolist(), exact[common].tolist(), strict=True))
    folder = work / _SEARCH
    shutil.rmtree(folder, ignore_errors=True)  # left by a stopped run
    folder.mkdir()
    database = Database(folder / "near.duckdb", current())
    try:
        hashes = pa.table({"h": np.arange(len(values)), "phash": values})
        database.run("CREATE TABLE hash (h BIGINT, phash BIGINT)")
        database.append("hash", hashes)
        database.run("CREATE TABLE seen (page BIGINT, h BIGINT)")
        database.append("seen", pa.table({"page": seen[:, 0], "h": number}))
        near_images(database, distance)
        counts = database.rows(_COUNTS.replace("$limit", str(limit)))
    finally:
        database.close()
    shutil.rmtree(folder)
    return {int(values[h]): count for h, count in counts}


def _phashes(images: pa.StructArray) -> I64:
    hashes: I64 = images.field("phash").to_numpy(zero_copy_only=False).astype(np.int64)
    return hashes


def drop_common(task: CommonTask) -> ShardOutput:
    """Pages of one part file without common images."""
    pages = pq.read_table(task.file, schema=PAGES).to_pylist()
    dead = _dead_ordinals(task.ledger)
    account, rows = Account([page["page_id"] for page in pages]), []
    for page in pages:
        ordinals = _ordinals(dead.get(page["page_id"], set()))
        parts = []
        for part in page["parts"]:
            count = None
            if part["image"] is not None:
                ordinal, count = next(ordinals), task.pages.get(part["image"]["phash"])
            if count is None:
                parts.append(part)
                continue
            detail = f"image {part['image']['image_id']} or one like it is on {count} pages"
            item = f"{page['page_id']}:{ordinal}"
            account.notes.append(Drop("image", item, page["page_id"], "common_image", detail))
        page["parts"] = parts
        if parts:
            rows.append(page)
        else:
            account.dropped.append(Drop("page", page["page_id"], "", "empty", "nothing but common images"))
    account.parents = [row["page_id"] for row in rows]
    return ShardOutput(pa.Table.from_pylist(rows, schema=PAGES), account)


def _parts(file: Path) -> pa.ListArray:
    return pq.read_table(file, columns=["parts"])["parts"].combine_chunks()


def _dead_ordinals(ledger: Path) -> dict[str, set[int]]:
    """By page, the ordinals of images that the step before dropped, which still count in image names."""
    dead: dict[str, set[int]] = {}
    whole = notes_file(ledger)
    if ledger.exists():
        table = pq.read_table(whole if whole.exists() else ledger, columns=["item_type", "item_id"])
        for kind, item in zip(table["item_type"].to_pylist(), table["item_id"].to_pylist(), strict=True):
            if kind == "image":
                page, _, ordinal = item.rpartition(":")
                dead.setdefault(page, set()).add(int(ordinal))
    return dead


def _ordinals(dropped: set[int]) -> Iterator[int]:
    """Ordinals of the images that a page still has."""
    ordinal = 0
    while True:
        if ordinal not in dropped:
            yield ordinal
        ordinal += 1
