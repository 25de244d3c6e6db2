"""Damage to files, manifest and card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.check.structure import CHECKS, check
from nyxqa.schemas.manifest import read_manifest, write_manifest
from tests.support.restamp import restamp, rewrite


def test_broken_manifest_leaves_the_rest_not_run(dataset: Path) -> None:
    (dataset / "manifest.json").write_text('{"format": 1}')
    result = check(dataset)
    assert result.failed == ("manifest",)
    assert result.not_run == CHECKS[1:]
    assert "not run certificate: the manifest cannot be read" in result.text()


def test_newer_format(dataset: Path) -> None:
    write_manifest(dataset, replace(read_manifest(dataset), format=3))
    result = check(dataset)
    assert result.failed == ("manifest",)
    assert "format 3; this nyxqa reads up to 2" in result.findings[0].examples[0]


def test_changed_byte(dataset: Path) -> None:
    path = dataset / read_manifest(dataset).paths("ledger", "rows")[0]
    data = bytearray(path.read_bytes())
    position = data.index(b"created_by") if b"created_by" in data else data.index(b"parquet-cpp-arrow")
    data[position] ^= 1
    path.write_bytes(data)
    assert check(dataset).failed == ("files_changed",)


def test_missing_file_stops_only_what_needs_it(dataset: Path) -> None:
    path = read_manifest(dataset).paths("qa", "validation")[0]
    (dataset / path).unlink()
    result = check(dataset)
    assert result.failed == ("files_missing",)
    assert {"choices", "qa_triplets", "label_balance", "certificate"} <= set(result.not_run)
    assert {"doc_ids", "ledger_dropped", "ranks"}.isdisjoint(result.not_run)
    assert f"not run choices: {path} is missing" in result.text()


def test_unreadable_file(dataset: Path) -> None:
    path = read_manifest(dataset).paths("corpus", "web")[0]
    (dataset / path).write_bytes(b"PAR1 cut")
    result = check(dataset)
    assert set(result.failed) == {"files_changed", "files_schema"}
    assert {"doc_ids", "dangling_documents", "certificate"} <= set(result.not_run)


def test_wrong_row_count(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    (path,) = manifest.paths("qa", "train")
    entry = replace(manifest.files[path], rows=manifest.files[path].rows + 1)
    write_manifest(dataset, replace(manifest, files={**manifest.files, path: entry}))
    assert check(dataset).failed == ("files_rows",)


def test_foreign_schema(dataset: Path) -> None:
    (path,) = read_manifest(dataset).paths("ledger", "rows")
    table = pq.read_table(dataset / path)
    pq.write_table(table.rename_columns([*table.column_names[:-1], "remark"]), dataset / path)
    restamp(dataset)
    result = check(dataset)
    assert result.failed == ("files_schema", "files_format")
    assert "column 'detail' is not in its place" in result.text()
    assert "ledger_detail" in result.not_run


def test_further_columns_may_follow(dataset: Path) -> None:
    (path,) = read_manifest(dataset).paths("ledger", "rows")
    table = pq.read_table(dataset / path)
    pq.write_table(table.append_column("more", pa.nulls(len(table), pa.string())), dataset / path)
    restamp(dataset)
    assert check(dataset).failed == ()


def test_lost_metadata_and_large_row_groups(dataset: Path) -> None:
    (path,) = read_manifest(dataset).paths("qa", "train")
    pq.write_table(pq.read_table(dataset / path).replace_schema_metadata(None), dataset / path)
    restamp(dataset)
    assert check(dataset).failed == ("files_format", "files_row_groups")


def test_wrong_file_number(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    (path,) = manifest.paths("preview", "train")
    renamed = path.replace("of-00001", "of-00002")
    (dataset / path).rename(dataset / renamed)
    files = {renamed if name == path else name: entry for name, entry in manifest.files.items()}
    write_manifest(dataset, replace(manifest, files=files))
    restamp(dataset)
    assert check(dataset).failed == ("files_named",)


def test_card_of_an_earlier_build(dataset: Path) -> None:
    before = (dataset / "README.md").read_text()
    rewrite(dataset, "qa", "test", lambda rows: rows[0].update(answer_long="another"))
    (dataset / "README.md").write_text(before)
    result = check(dataset)
    assert result.failed == ("card_configs",)
    assert "config qa: description differs" in result.text()


def test_card_without_configs(dataset: Path) -> None:
    (dataset / "README.md").write_text("# A dataset\n")
    assert check(dataset).failed == ("card_configs",)
    (dataset / "README.md").unlink()
    assert check(dataset).failed == ("card_configs",)
