"""What an export reads: joined triplets and documents, a few rows at a time, images as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.locate import find_published
from nyxqa.schemas.loading.published import Published

Row = dict[str, Any]
_ROWS = 16  # joined rows in memory at a time
_DOCUMENTS = 100


@dataclass(frozen=True)
class Source:
    """A dataset, a folder or on the Hub, and what of it is asked for.

    :param splits: Splits of triplets that have rows.
    :param max_negatives: Most negatives of a row; None keeps all.
    """

    data: str | Path
    revision: str | None
    splits: tuple[str, ...]
    max_negatives: int | None

    @cached_property
    def published(self) -> Published:
        """The dataset with tables ``triplets`` and ``corpus``."""
        return find_published(self.data, self.revision, ("triplets", "corpus"))

    def triplets(self, split: str, *, shuffled: bool = False) -> Iterator[Row]:
        """Joined rows of one split, each side ``{"text", "images"}`` with encoded images.

        :param shuffled: In the order of a keyed hash of their ids rather than as stored.
        """
        rows: Any = load(
            "triplets",
            self.data,
            split=split,
            images="bytes",
            max_negatives=self.max_negatives,
            revision=self.revision,
        )
        if shuffled:
            seed = self.published.manifest.seed
            ids = rows.data.column("query_id")
            lots = np.fromiter((keyed_hash(seed, "shards", one.as_py()) for one in ids), np.uint64, len(ids))
            rows = rows.select(np.argsort(lots, kind="stable"))
        for batch in rows.iter(batch_size=_ROWS):
            names = list(batch)
            for values in zip(*batch.values(), strict=True):
                yield dict(zip(names, values, strict=True))

    def documents(self) -> Iterator[Row]:
        """Every document once, pool by pool: equal ids are equal content, so what a pool before had is left out."""
        before: list[str] = []
        for pool in self.published.splits("corpus"):
            stored: Any = load("corpus", self.data, split=pool, join=False, images="bytes", revision=self.revision)
            for batch in stored.iter(batch_size=_DOCUMENTS):
                known = self._known(before, batch["doc_id"])
                names = list(batch)
                for values, old in zip(zip(*batch.values(), strict=True), known, strict=True):
                    if not old:
                        yield dict(zip(names, values, strict=True))
            before.append(pool)

    def _known(self, pools: list[str], ids: list[str]) -> list[bool]:
        found = np.zeros(len(ids), bool)
        for pool in pools:
            table = id_table(self.published, "corpus", pool, Layout(joined=False, with_bytes=True), "doc_id")
            if table is not None:
                found |= table.rows(ids) >= 0
        return list(found)
