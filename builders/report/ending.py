"""What a finished build says last: what there is, and what to do with it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.formatting import counted
from nyxqa.schemas.loading.published import DEFAULT_FOLDER
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import QA_SPLITS


def ending_lines(out: Path, manifest: Manifest) -> list[str]:
    """What is there and what to do next.

    For example ``nyxqa_data is ready: 703 train triplets (587 web, 116 wiki), 306 documents, 245 images.``
    """
    splits = [split for split in QA_SPLITS if split in manifest.splits("triplets")]
    rows = {split: _rows(manifest, "triplets", split) for split in splits}
    parts = []
    for split in splits[:1]:
        pools = _pools(out, manifest, split)
        named = ", ".join(f"{count:,} {pool}" for pool, count in pools.items())
        parts.append(f"{counted(rows[split], f'{split} triplet')}{f' ({named})' if len(pools) > 1 else ''}")
    parts += [f"{rows[split]:,} {split}" for split in splits[1:]]
    documents = sum(_rows(manifest, "corpus", pool) for pool in manifest.splits("corpus"))
    parts.append(counted(documents, "document"))
    images = manifest.summary.get("images", {}).get("distinct")
    if images is not None:
        parts.append(counted(images, "image"))
    where = "" if str(out) == DEFAULT_FOLDER else f'"{out}", '
    load = f'nyxqa.load("triplets", {where}split="{splits[0]}")' if splits else f"nyxqa sql {out} ..."
    return [
        f"{out} is ready: {', '.join(parts)}.",
        f"look: nyxqa browse {out}   why dropped: nyxqa report {out}   use: {load}",
    ]


def _rows(manifest: Manifest, table: str, split: str) -> int:
    return sum(manifest.files[path].rows for path in manifest.paths(table, split))


def _pools(out: Path, manifest: Manifest, split: str) -> dict[str, int]:
    """Triplets of a split by pool, most first; one file in memory at a time."""
    pools: dict[str, int] = {}
    for path in manifest.paths("triplets", split):
        for one in pc.value_counts(pq.read_table(out / path, columns=["pool"])["pool"]).to_pylist():
            pools[one["values"]] = pools.get(one["values"], 0) + one["counts"]
    return dict(sorted(pools.items(), key=lambda item: (-item[1], item[0])))
