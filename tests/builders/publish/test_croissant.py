"""``croissant.json`` as mlcroissant reads it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from nyxqa.builders.publish.croissant import CROISSANT, Repository, croissant, croissant_text, write_croissant
from nyxqa.builders.publish.responsible_ai import responsible_ai
from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.tables import TABLES
from tests.support.format_1 import copy_of_format_1

MOST = 40  # rows of a split that are compared


@pytest.fixture(scope="module")
def metadata(built_sample: Path) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(built_sample / CROISSANT)


def test_it_is_valid_but_for_a_date_that_no_build_has(metadata: mlcroissant.Dataset) -> None:
    issues = metadata.metadata.ctx.issues
    assert not issues.errors
    assert all("datePublished" in warning for _, warning in map(_as_pair, issues.warnings))


def _as_pair(issue: Any) -> tuple[Any, str]:
    return issue if isinstance(issue, tuple) else ("", str(issue))


def plain(value: Any) -> Any:
    """A value in a form in which what mlcroissant gives and what the table holds are equal."""
    if isinstance(value, Image.Image):
        return value.mode, value.size, value.tobytes()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        parts = {name.rpartition("/")[2]: plain(one) for name, one in value.items()}
        return None if all(one is None for one in parts.values()) else parts
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 5)
    return value


def stored(value: Any, kind: pa.DataType) -> Any:
    """The same for a value of the table."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [stored(one, kind.value_type) for one in value]
    if kind.equals(IMAGE):
        return plain(Image.open(io.BytesIO(value["bytes"])))
    if pa.types.is_struct(kind):
        parts: dict[str, Any] = {}
        for number in range(kind.num_fields):
            part = kind.field(number)
            inner = stored(value[part.name], part.type)
            if pa.types.is_struct(part.type):
                names = [part.type.field(n).name for n in range(part.type.num_fields)]
                parts |= {f"{part.name}_{name}": (inner or {}).get(name) for name in names}
            else:
                parts[part.name] = inner
        return None if all(one is None for one in parts.values()) else parts
    return plain(value)


def splits_of(folder: Path) -> list[str]:
    manifest = read_manifest(folder)
    return [f"{name}/{split}" for name in TABLES for split in manifest.splits(name)]


def test_its_records_are_the_rows_of_the_tables(built_sample: Path, metadata: mlcroissant.Dataset) -> None:
    manifest = read_manifest(built_sample)
    assert [one.id for one in metadata.metadata.record_sets] == splits_of(built_sample)
    for records in splits_of(built_sample):
        name, split = records.split("/")
        rows = pa.concat_tables(pq.read_table(built_sample / path) for path in manifest.paths(name, split))
        taken = rows.slice(0, MOST).to_pylist()
        for row, record in zip(taken, metadata.records(records), strict=False):
            found = {key.removeprefix(f"{records}/"): plain(value) for key, value in record.items()}
            assert found == {one.name: stored(row[one.name], one.type) for one in rows.schema}


def test_every_column_has_the_text_of_its_declaration(built_sample: Path) -> None:
    written = json.loads((built_sample / CROISSANT).read_text())
    for records in written["recordSet"]:
        columns = TABLES[records["@id"].split("/")[0]].columns
        assert [(one["@id"].rpartition("/")[2], one["description"]) for one in records["field"]] == [
            (column.name, column.description) for column in columns
        ]


def test_every_file_stands_in_it_with_its_hash(built_sample: Path) -> None:
    written = json.loads((built_sample / CROISSANT).read_text())
    hashes = {one["@id"]: one["sha256"] for one in written["distribution"] if one["@type"] == "cr:FileObject"}
    assert hashes == {path: entry.sha256 for path, entry in read_manifest(built_sample).files.items()}


def test_responsible_ai_says_what_the_manifest_says(built_sample: Path) -> None:
    manifest = read_manifest(built_sample)
    fields = responsible_ai(manifest)
    (stage,) = [stage for stage in manifest.stages if stage.name == "source"]
    assert f"{stage.rows_out} pages read" in fields["rai:dataCollection"]
    generated = manifest.summary["generators"]["extractive"]
    assert (
        f"{generated} questions and answers are synthetic, written by extractive"
        in fields["rai:dataAnnotationProtocol"]
    )
    assert all(reason in fields["rai:dataCollectionMissingData"] for reason in manifest.summary["drops"])
    assert [
        line for line in manifest.deviations if f"differs from the paper: {line}" not in fields["rai:dataLimitations"]
    ] == []
    assert any("documents by language: en" in line for line in fields["rai:dataBiases"])
    assert fields["rai:dataCollectionType"] == ["Document analysis"]


def test_a_published_one_names_the_repository(built_sample: Path, tmp_path: Path) -> None:
    manifest = read_manifest(built_sample)
    address = "https://huggingface.co/datasets/anna/manual"
    written = croissant(manifest, Repository(address, "v 2"))
    assert written["url"] == address
    first = next(iter(sorted(manifest.files)))
    assert f"{address}/resolve/v%202/{first}" in {one.get("contentUrl") for one in written["distribution"]}
    assert all("containedIn" in one for one in written["distribution"] if one["@type"] == "cr:FileSet")
    (tmp_path / CROISSANT).write_text(croissant_text(manifest, Repository(address)))
    assert not mlcroissant.Dataset(tmp_path / CROISSANT).metadata.ctx.issues.errors


def test_a_dataset_of_format_1_has_one_too(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_of_format_1(copy)
    write_croissant(copy, read_manifest(copy))
    read = mlcroissant.Dataset(copy / CROISSANT)
    assert not read.metadata.ctx.issues.errors
    assert next(iter(read.records("corpus/web")))["corpus/web/doc_id"]
