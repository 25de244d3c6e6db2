"""Step ``images``: images that many pages share, as logos and icons are, go with their placeholders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.account import Account, Drop, ShardOutput
from nyxqa.builders.engine.step import Parts
from nyxqa.builders.images.references import images_of
from nyxqa.builders.rows import PAGES
from nyxqa.builders.sources.keys import Keys, leading_bits

MIN_PAGES = 5  # an image on no more pages than this is never common (law 6)

# What makes two images one for the count: locators (an array of structs) give 64-bit keys.
Identity = Callable[[pa.StructArray], Keys]


def same_bytes(images: pa.StructArray) -> Keys:
    """Images are one if their stored bytes are; the first 64 bits of the id tell."""
    return leading_bits(images.field("image_id"))


@dataclass(frozen=True, slots=True)
class CommonTask:
    """A part file, its ledger, and the number of pages of each common image's key."""

    file: Path
    ledger: Path
    pages: dict[int, int]


def common_tasks(stored: Parts, share: float, identity: Identity = same_bytes) -> Iterator[CommonTask]:
    """One task a part file, once common images are known; holds 8 bytes for each image of each page.

    :param share: An image on more than ``max(5, share * pages)`` pages is common.
    """
    keys: list[Keys] = [np.zeros(0, np.uint64)]
    pages = 0
    for file in stored.files():
        parts = _parts(file)
        pages += len(parts)
        page, images = images_of(parts)
        found = np.stack([page.astype(np.uint64), identity(images)], axis=1)
        keys.append(np.unique(found, axis=0)[:, 1])
    values, counts = np.unique(np.concatenate(keys), return_counts=True)
    common = counts > max(MIN_PAGES, share * pages)
    many = dict(zip(values[common].tolist(), counts[common].tolist(), strict=True))
    for file in stored.files():
        yield CommonTask(file, file.with_name(file.name.replace("part-", "ledger-")), many)


def drop_common(task: CommonTask, identity: Identity = same_bytes) -> ShardOutput:
    """Pages of one part file without common images."""
    pages = pq.read_table(task.file, schema=PAGES).to_pylist()
    keys = iter(identity(images_of(_parts(task.file))[1]).tolist())
    dead = _dead_ordinals(task.ledger)
    account, rows = Account([page["page_id"] for page in pages]), []
    for page in pages:
        ordinals = _ordinals(dead.get(page["page_id"], set()))
        parts = []
        for part in page["parts"]:
            count = None
            if part["image"] is not None:
                ordinal, count = next(ordinals), task.pages.get(next(keys))
            if count is None:
                parts.append(part)
                continue
            detail = f"image {part['image']['image_id']} is on {count} pages"
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
    """Ordinals of the images that each page lost before, which the ledger still counts."""
    dead: dict[str, set[int]] = {}
    if ledger.exists():
        table = pq.read_table(ledger, columns=["item_type", "item_id"])
        for kind, item in zip(table["item_type"].to_pylist(), table["item_id"].to_pylist(), strict=True):
            if kind == "image":
                page, _, ordinal = item.rpartition(":")
                dead.setdefault(page, set()).add(int(ordinal))
    return dead


def _ordinals(gone: set[int]) -> Iterator[int]:
    """Ordinals of the images a page still has."""
    ordinal = 0
    while True:
        if ordinal not in gone:
            yield ordinal
        ordinal += 1
