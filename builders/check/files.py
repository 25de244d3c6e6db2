"""Checks of files: those the manifest lists, no others, unchanged, and of the declared form."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.check.dataset import Examined
from nyxqa.schemas.manifest import FileEntry
from nyxqa.schemas.tables import FORMAT, FORMAT_KEY, POOL_NAME, TABLES, Table, published_schema
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS, file_hash

FILE_CHECKS = (
    "files_missing",
    "files_extra",
    "files_named",
    "files_changed",
    "files_rows",
    "files_schema",
    "files_format",
    "files_row_groups",
)
_NAME = re.compile(r"data/([a-z]+)/([a-z][a-z0-9_]*)-(\d{5})-of-(\d{5})\.parquet\Z")
_FEATURES = b"huggingface"


def check_files(examined: Examined) -> None:
    """Hold ``data/`` against the manifest and every footer against the declared tables."""
    findings = examined.findings
    findings.begin(*FILE_CHECKS)
    listed = examined.manifest.files
    found = _found(examined.out)
    for path in sorted(found - listed.keys()):
        findings.fail("files_extra", path)
    _check_names(examined)
    for path, entry in sorted(listed.items()):
        table = path.split("/")[1] if path.count("/") == 2 else ""
        if path not in found:
            findings.fail("files_missing", path)
            examined.unreadable.setdefault(table, f"{path} is missing")
            continue
        if file_hash(examined.out / path) != entry.sha256:
            findings.fail("files_changed", path)
        if table in TABLES:
            _check_footer(examined, TABLES[table], path, entry)


def _found(out: Path) -> set[str]:
    """All files below ``data/``, hidden ones too: a published folder has none."""
    return {path.relative_to(out).as_posix() for path in (out / "data").rglob("*") if not path.is_dir()}


def _check_names(examined: Examined) -> None:
    """Each path is ``data/TABLE/SPLIT-INDEX-of-COUNT.parquet``, and no index is missing."""
    parts: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for path in sorted(examined.manifest.files):
        match = _NAME.match(path)
        if match is None or not _known(match[1], match[2]):
            examined.findings.fail("files_named", path)
        else:
            parts[match[1], match[2]].append((int(match[3]), int(match[4]), path))
    for files in parts.values():
        if [(index, count) for index, count, _ in files] != [(index, len(files)) for index in range(len(files))]:
            examined.findings.fail("files_named", f"{files[0][2]}: one of {len(files)} files, numbered otherwise")


def _known(table: str, split: str) -> bool:
    if table not in TABLES:
        return False
    splits = TABLES[table].splits
    return split in splits if splits else bool(POOL_NAME.match(split)) and split != "all"


def _check_footer(examined: Examined, table: Table, path: str, entry: FileEntry) -> None:
    findings = examined.findings
    try:
        footer = pq.read_metadata(examined.out / path)
        schema = footer.schema.to_arrow_schema()
    except (OSError, pa.ArrowException) as error:
        findings.fail("files_schema", f"{path}: no Parquet file: {error}")
        examined.unreadable.setdefault(table.name, f"{path} is no Parquet file")
        return
    if footer.num_rows != entry.rows:
        findings.fail("files_rows", f"{path}: {footer.num_rows} rows, the manifest says {entry.rows}")
    if wrong := _wrong_columns(table, schema):
        findings.fail("files_schema", f"{path}: {wrong}")
        examined.unreadable.setdefault(table.name, f"{path}: {wrong}")
    if wrong := _wrong_metadata(table, schema, footer.metadata or {}):
        findings.fail("files_format", f"{path}: {wrong}")
    largest = max((footer.row_group(group).num_rows for group in range(footer.num_row_groups)), default=0)
    if table.has_images and largest > IMAGE_GROUP_ROWS:
        findings.fail("files_row_groups", f"{path}: a row group of {largest} rows, at most {IMAGE_GROUP_ROWS}")


def _wrong_columns(table: Table, schema: pa.Schema) -> str:
    """What is wrong with a file's columns; further columns may follow the declared ones."""
    for index, column in enumerate(table.schema):
        if index >= len(schema) or schema.field(index).name != column.name:
            return f"column {column.name!r} is not in its place"
        if not schema.field(index).type.equals(column.type):
            return f"column {column.name!r} is {schema.field(index).type}, not {column.type}"
    return ""


def _wrong_metadata(table: Table, schema: pa.Schema, metadata: dict[bytes, bytes]) -> str:
    written = metadata.get(FORMAT_KEY, b"")
    if not written.isdigit() or int(written) > FORMAT:
        return f"{FORMAT_KEY.decode()} is {written.decode(errors='replace')!r}, not {FORMAT}"
    if (
        len(schema) == len(table.schema)
        and metadata.get(_FEATURES) != published_schema(table.schema).metadata[_FEATURES]
    ):
        return "the features for datasets differ from the declared ones"
    return ""
