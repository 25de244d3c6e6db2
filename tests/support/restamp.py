"""Changing a published dataset on purpose, and making its manifest agree again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from nyxqa.schemas.card_configs import dataset_configs
from nyxqa.schemas.manifest import FileEntry, Manifest, read_manifest, write_manifest
from nyxqa.schemas.tables import TABLES, published_schema
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS, file_hash

Row = dict[str, Any]


def restamp(out: Path) -> Manifest:
    """Give manifest and card the hashes and row counts that the files now have; missing and extra files stay so."""
    manifest = read_manifest(out)
    files = {
        path: FileEntry(file_hash(out / path), pq.read_metadata(out / path).num_rows)
        for path in manifest.files
        if (out / path).exists()
    }
    stamped = replace(manifest, files={**manifest.files, **files})
    write_manifest(out, stamped)
    write_configs(out, stamped)
    return stamped


def write_configs(out: Path, manifest: Manifest) -> None:
    """Write a card of nothing but the configs that the manifest asks for."""
    configs = yaml.safe_dump({"configs": dataset_configs(manifest)}, sort_keys=False)
    (out / "README.md").write_text(f"---\n{configs}---\n")


def read(out: Path, table: str, split: str) -> list[Row]:
    """All rows of one split."""
    return [row for path in read_manifest(out).paths(table, split) for row in pq.read_table(out / path).to_pylist()]


def unused(out: Path, documents: list[Row], split: str) -> Row:
    """The first of ``documents`` in ``split`` that no triplet names, so that its id may change."""
    triplets = [row for name in ("train", "validation", "test") for row in read(out, "triplets", name)]
    named = {doc for row in triplets for doc in (row["positive_id"], *row["negative_ids"])}
    return next(row for row in documents if row["doc_id"] not in named and row["split"] == split)


def rewrite(out: Path, table: str, split: str, change: Callable[[list[Row]], list[Row] | None]) -> None:
    """Put one split's rows through ``change``, which alters them in place or returns others, and restamp.

    The split must lie in one file. Rows are written as they are, for the laws are what is to be broken.
    """
    (path,) = read_manifest(out).paths(table, split)
    rows = pq.read_table(out / path).to_pylist()
    changed = change(rows)
    schema = published_schema(TABLES[table].schema)
    written = pa.Table.from_pylist(rows if changed is None else changed, schema=schema)
    (out / path).unlink()  # it may be a hard link to a file of the build
    pq.write_table(written, out / path, row_group_size=IMAGE_GROUP_ROWS)
    restamp(out)


def restage(out: Path, name: str, split: str, **numbers: int) -> None:
    """Change the numbers of one stage in the manifest."""
    manifest = read_manifest(out)
    stages = [
        replace(entry, **numbers) if (entry.name, entry.split) == (name, split) else entry for entry in manifest.stages
    ]
    write_manifest(out, replace(manifest, stages=stages))
