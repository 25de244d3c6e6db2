"""Checks of files: exactly those the manifest lists, unchanged, in the declared format, and listed in the card."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.check.context import CheckContext, record_failures
from nyxqa.builders.stages.names import with_sets
from nyxqa.schemas.card_configs import dataset_configs
from nyxqa.schemas.columns import Table
from nyxqa.schemas.manifest import FileEntry
from nyxqa.schemas.sql import file_list, string_list
from nyxqa.schemas.tables import FORMAT_KEY, POOL_NAME, TABLES, published_schema, table_in_format
from nyxqa.schemas.writing import IMAGE_GROUP_ROWS, file_hash

CARD = "README.md"
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

ORDER_CHECKS = ("row_order", "corpus_order", "ledger_order")
_SORTED = ("qa", "triplets", "qrels", "mixture", "feedback", "preview")
# Only the source knows the order of pages; that the documents of a page are adjacent can be checked here.
_CORPUS = """
    WITH numbered AS (SELECT list_position({files}, filename) AS file, file_row_number AS row, page_id, chunk, doc_id
                      FROM read_parquet({readable}, filename = true, file_row_number = true)),
         followed AS (SELECT *, lag(page_id) OVER place AS previous_page, lag(chunk) OVER place AS previous_chunk
                      FROM numbered WINDOW place AS (ORDER BY file, row)),
         start AS (SELECT page_id FROM followed WHERE previous_page IS DISTINCT FROM page_id)
    SELECT 'corpus {pool}: the documents of page ' || page_id || ' are not adjacent' AS example
    FROM start GROUP BY page_id HAVING count(*) > 1
    UNION ALL
    SELECT 'corpus {pool} ' || doc_id || ': chunk ' || chunk || ' after chunk ' || previous_chunk
    FROM followed WHERE previous_page = page_id AND chunk <= previous_chunk
"""


def check_files(context: CheckContext) -> None:
    """Compare ``data/`` with the manifest, and every Parquet footer with the declared tables."""
    findings = context.findings
    findings.begin(*FILE_CHECKS)
    listed = context.manifest.files
    present = _present(context.out)
    for path in sorted(present - listed.keys()):
        findings.fail("files_extra", path)
    _check_names(context)
    for path, entry in sorted(listed.items()):
        table = path.split("/")[1] if path.count("/") == 2 else ""
        if path not in present:
            findings.fail("files_missing", path)
            context.unreadable.setdefault(table, f"{path} is missing")
            continue
        if file_hash(context.out / path) != entry.sha256:
            findings.fail("files_changed", path)
        if table in TABLES:
            _check_footer(context, TABLES[table], path, entry)


def _present(out: Path) -> set[str]:
    """All files below ``data/``, including hidden ones, which a published folder does not have."""
    return {path.relative_to(out).as_posix() for path in (out / "data").rglob("*") if not path.is_dir()}


def _check_names(context: CheckContext) -> None:
    """Check that each path is ``data/TABLE/SPLIT-INDEX-of-COUNT.parquet``, and that no index is missing."""
    parts: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for path in sorted(context.manifest.files):
        match = _NAME.match(path)
        if match is None or not _known(match[1], match[2]):
            context.findings.fail("files_named", path)
        else:
            parts[match[1], match[2]].append((int(match[3]), int(match[4]), path))
    for files in parts.values():
        if [(index, count) for index, count, _ in files] != [(index, len(files)) for index in range(len(files))]:
            context.findings.fail(
                "files_named", f"{files[0][2]}: wrong numbers for the {len(files)} files of its split"
            )


def _known(table: str, split: str) -> bool:
    if table not in TABLES:
        return False
    splits = TABLES[table].splits
    return split in splits if splits else bool(POOL_NAME.match(split)) and split != "all"


def _check_footer(context: CheckContext, table: Table, path: str, entry: FileEntry) -> None:
    findings = context.findings
    try:
        footer = pq.read_metadata(context.out / path)
        schema = footer.schema.to_arrow_schema()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        findings.fail("files_schema", f"{path}: not a Parquet file: {error}")
        context.unreadable.setdefault(table.name, f"{path} is not a Parquet file")
        return
    if footer.num_rows != entry.rows:
        findings.fail("files_rows", f"{path}: {footer.num_rows} rows, the manifest says {entry.rows}")
    declared = table_in_format(table, context.manifest.format)
    if wrong := _wrong_columns(declared, schema):
        findings.fail("files_schema", f"{path}: {wrong}")
        context.unreadable.setdefault(table.name, f"{path}: {wrong}")
    if wrong := _wrong_metadata(declared, schema, footer.metadata or {}, context.manifest.format):
        findings.fail("files_format", f"{path}: {wrong}")
    largest = max((footer.row_group(group).num_rows for group in range(footer.num_row_groups)), default=0)
    if table.has_images and largest > IMAGE_GROUP_ROWS:
        findings.fail("files_row_groups", f"{path}: a row group of {largest} rows, more than {IMAGE_GROUP_ROWS}")


def _wrong_columns(table: Table, schema: pa.Schema) -> str:
    """What is wrong with a file's columns, "" if nothing; further columns may follow the declared ones."""
    for index, column in enumerate(table.schema):
        if index >= len(schema) or schema.field(index).name != column.name:
            return f"column {column.name!r} is not in its place"
        if not schema.field(index).type.equals(column.type):
            return f"column {column.name!r} is {schema.field(index).type}, not {column.type}"
        if schema.names.count(column.name) > 1:
            return f"column {column.name!r} is there twice"
    return ""


def _wrong_metadata(table: Table, schema: pa.Schema, metadata: dict[bytes, bytes], number: int) -> str:
    written = metadata.get(FORMAT_KEY, b"")
    if written != str(number).encode():
        return f"{FORMAT_KEY.decode()} is {written.decode(errors='replace')!r}, not {number}"
    if (
        len(schema) == len(table.schema)
        and metadata.get(_FEATURES) != published_schema(table.schema, number).metadata[_FEATURES]
    ):
        return "the features for datasets differ from the declared ones"
    return ""


def check_card(context: CheckContext) -> None:
    """Check that the front matter of ``README.md`` holds the configs that follow from the manifest."""
    context.findings.begin("card_configs")
    try:
        configs = _card_configs(context.out / CARD)
    except (OSError, ValueError) as error:
        context.findings.fail("card_configs", f"{CARD}: {getattr(error, 'strerror', None) or error}")
        return
    for wrong in _wrong_configs(configs, context):
        context.findings.fail("card_configs", f"{CARD}: {wrong}")


def _card_configs(path: Path) -> list[Mapping[str, Any]]:
    """The configs in the front matter of a card.

    :raises ValueError: If the front matter is missing, is not YAML, or has no configs.
    """
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        value = metadata_load(path)
    except YAMLError as error:
        raise ValueError(f"the front matter is not YAML: {error}") from error
    configs = (value or {}).get("configs")
    if not isinstance(configs, list) or not all(isinstance(config, Mapping) for config in configs):
        raise ValueError("no configs in the front matter")
    return configs


def _wrong_configs(configs: Sequence[Mapping[str, Any]], context: CheckContext) -> list[str]:
    """What differs from the configs that follow from the manifest; a config may have further keys."""
    expected = dataset_configs(context.manifest)
    names = [config.get("config_name") for config in configs]
    expected_names = [config["config_name"] for config in expected]
    if names != expected_names:
        return [f"configs {names}, not {expected_names}"]
    return [
        f"config {target['config_name']}: {key} differs from what the manifest lists"
        for config, target in zip(configs, expected, strict=True)
        for key in target
        if config.get(key) != target[key]
    ]


def check_order(context: CheckContext) -> None:
    """Check the order of the rows of every table, across the files of each split."""
    for name in _SORTED:
        if context.ready((name,), "row_order"):
            _check_sorted(context, name, TABLES[name].order, "row_order")
    if context.ready(("ledger",), "ledger_order"):
        _check_sorted(context, "ledger", TABLES["ledger"].order, "ledger_order")
    if context.ready(("corpus",), "corpus_order"):
        published = context.published()
        for pool in published.manifest.splits("corpus"):
            files = published.files("corpus", pool)
            query = _CORPUS.format(files=string_list(map(str, files)), readable=file_list(files), pool=pool)
            record_failures(context, "corpus_order", query)


def _check_sorted(context: CheckContext, table: str, columns: tuple[str, ...], name: str) -> None:
    stages = with_sets(entry.name for entry in context.manifest.stages)
    previous: tuple[str, tuple[Any, ...]] = ("", ())
    for split, values in context.keys(table, columns):
        key = values
        if table == "ledger":
            stage = values[0]
            key = (stages.index(stage) if stage in stages else len(stages), *values)
        if None in values:
            continue
        if previous[0] == split and key < previous[1]:
            shown = " ".join(str(value) for value in values)
            context.findings.fail(name, f"{table} {split}: {shown} comes after a row that should follow it")
        previous = (split, key)
