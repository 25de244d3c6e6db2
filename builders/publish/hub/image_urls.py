"""Tables that hold the URL of each image in place of its bytes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.database import database
from nyxqa.builders.report.check_report import carry_report
from nyxqa.builders.report.views import add_views
from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.credentials import MARK
from nyxqa.schemas.errors import LawError, UsageError
from nyxqa.schemas.loading.arrow_layouts import IMAGES
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.manifest import BY_ADDRESS, WORK, FileEntry, Manifest, write_manifest
from nyxqa.schemas.tables import TABLES
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS, file_hash

if TYPE_CHECKING:
    import duckdb

STAGED = "push-urls"


def with_addresses(out: Path, manifest: Manifest) -> tuple[Path, Manifest]:
    """A copy of the dataset below ``.work`` with URLs in place of images, and its manifest.

    Ids and the report are unchanged.

    :raises UsageError: If an image has no http or https URL.
    :raises FormatError: If ``report.json`` is not a JSON object.
    """
    staged = out / WORK / STAGED
    shutil.rmtree(staged, ignore_errors=True)
    files: dict[str, FileEntry] = {}
    with database(_created(out / WORK)) as db:
        add_views(db, Published(out, manifest))
        count = _create_addresses(db)
        for path, entry in manifest.files.items():
            target = staged / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if TABLES[path.split("/")[1]].has_images:
                _rewrite(db, out / path, target)
                files[path] = FileEntry(file_hash(target), entry.rows)
            else:
                target.hardlink_to(out / path)
                files[path] = entry
    summary = {**manifest.summary, "images": {**manifest.summary.get("images", {}), BY_ADDRESS: count}}
    stamped = replace(manifest, files=files, summary=summary)
    write_manifest(staged, stamped)
    carry_report(out, staged)
    return staged, stamped


def _created(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _create_addresses(db: duckdb.DuckDBPyConnection) -> int:
    """Create table ``addresses`` (id, url) with the alphabetically first URL of each image; returns its row count.

    A URL whose credentials were cut is not one: it no longer leads to the image.
    """
    db.execute("CREATE TABLE listed AS SELECT unnest(image_ids) AS id, unnest(image_urls) AS url FROM corpus")
    db.execute(
        """CREATE TABLE addresses AS SELECT id, min(url) AS url FROM listed
           WHERE regexp_matches(url, '^https?://', 'i') AND NOT ends_with(url, $1) GROUP BY id""",
        [MARK],
    )
    missing = db.execute(
        """SELECT doc_id, id FROM (SELECT doc_id, unnest(image_ids) AS id FROM corpus) ANTI JOIN addresses USING (id)
           ORDER BY doc_id, id LIMIT 1"""
    ).fetchone()
    if missing is not None:
        raise UsageError(
            f"document {missing[0]}: image {missing[1]} {_why(db, missing[1])}; push it with --images bytes"
        )
    (count,) = db.execute("SELECT count(*) FROM addresses").fetchall()[0]
    return int(count)


def _why(db: duckdb.DuckDBPyConnection, image_id: str) -> str:
    (cut,) = db.execute("SELECT bool_or(ends_with(url, $1)) FROM listed WHERE id = $2", [MARK, image_id]).fetchall()[0]
    if cut:
        return "is not published by address: its URL held credentials, which were removed"
    return "has no http address"


def _rewrite(db: duckdb.DuckDBPyConnection, source: Path, target: Path) -> None:
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow
        with pq.ParquetWriter(
            target, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=True
        ) as writer:
            for batch in _row_groups(file):
                columns = [_addressed(db, column, source) for column in batch.columns]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=max(1, batch.num_rows))


def _row_groups(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for group in range(file.num_row_groups):
        yield from file.iter_batches(IMAGE_GROUP_ROWS, row_groups=[group])


def _addressed(db: duckdb.DuckDBPyConnection, column: pa.Array, source: Path) -> pa.Array:
    """The column with each image in it, at any depth, replaced by its URL."""
    kind = column.type
    if kind.equals(IMAGE):
        return _addresses_of(db, column, source)
    if pa.types.is_list(kind) and (kind.equals(IMAGES) or pa.types.is_nested(kind.value_type)):
        offsets = column.offsets
        values = column.values
        return pa.ListArray.from_arrays(offsets, _addressed(db, values, source), mask=column.is_null(), type=kind)
    if pa.types.is_struct(kind):
        fields = [_addressed(db, column.field(i), source) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=column.is_null())
    return column


def _addresses_of(db: duckdb.DuckDBPyConnection, images: pa.StructArray, source: Path) -> pa.StructArray:
    stored = images.field("bytes")
    ids = [hashlib.sha256(image.as_buffer()).hexdigest() for image in stored if image.is_valid]
    urls = dict(
        db.execute("SELECT id, url FROM addresses WHERE id IN (SELECT unnest($1))", [sorted(set(ids))]).fetchall()
    )
    unknown = next((image_id for image_id in ids if image_id not in urls), None)
    if unknown is not None or len(ids) != len(stored):
        raise LawError(
            f"{source}: image {unknown} is not in any document of the corpus; check the dataset with: nyxqa check"
        )
    paths = pa.array([urls[image_id] for image_id in ids], pa.string())
    return pa.StructArray.from_arrays([pa.nulls(len(ids), pa.binary()), paths], fields=list(IMAGE))
