"""A dataset of format 1, stored in ``tests/support``, read in the present format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nyxqa
from nyxqa.builders.check.structure import check
from nyxqa.builders.export.export import export
from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.views import run_sql
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.loading.earlier_format import filled
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.tables import QA, TABLES, table_in_format
from tests.support.format_1 import STORED, copy_of_format_1, rows_of_format_1
from tests.support.restamp import restamp

Row = dict[str, Any]
_FILED = [("corpus", "web"), ("qa", "train"), ("triplets", "train"), ("preview", "train"), ("ledger", "rows")]


def _without_images(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.endswith("images")}


def test_the_stored_dataset_is_of_format_1() -> None:
    assert read_manifest(STORED).format == 1
    for table, split in _FILED:
        (file,) = (STORED / "data" / table).glob(f"{split}-*.parquet")
        assert pq.read_schema(file).metadata[b"nyxqa.format"] == b"1"
        assert pq.read_schema(file).names == table_in_format(TABLES[table], 1).schema.names
    assert sum(len(row["images"]) for row in rows_of_format_1("corpus", "web")) == 2


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("table", "split"), _FILED)
def test_load_gives_the_present_columns(table: str, split: str, streaming: bool) -> None:
    loaded = nyxqa.load(table, STORED, split=split, join=False, images="bytes", streaming=streaming)
    assert loaded.column_names == TABLES[table].schema.names
    assert [dict(row) for row in loaded] == rows_of_format_1(table, split)


@pytest.mark.parametrize(("table", "split"), _FILED)
def test_frame_and_sql_give_the_present_columns(table: str, split: str) -> None:
    expected = [_without_images(row) for row in rows_of_format_1(table, split)]
    label = "pool" if table == "corpus" else "split"
    expected = [row if label in row else {**row, label: split} for row in expected]
    assert nyxqa.frame(table, STORED).collect().to_dicts() == expected
    read = run_sql(STORED, f"FROM {table}").to_pylist()
    assert sorted(read, key=repr) == sorted(({name: row[name] for name in read[0]} for row in expected), key=repr)
    assert set(read[0]) == set(expected[0])


@pytest.mark.parametrize("table", ["qrels", "mixture", "feedback"])
def test_a_table_without_files_has_its_columns(table: str) -> None:
    assert len(nyxqa.load(table, STORED, split=TABLES[table].splits[0], join=False)) == 0
    assert run_sql(STORED, f"FROM {table}").num_rows == 0


def test_joined_rows_name_their_documents() -> None:
    documents = {row["doc_id"]: row["text"] for row in rows_of_format_1("corpus", "web")}
    triplets = nyxqa.load("triplets", STORED, split="train")
    assert [row["positive"]["text"] for row in triplets] == [documents[row["positive_id"]] for row in triplets]
    asked = nyxqa.load("qa", STORED, split="train")
    assert [row["document"]["text"] for row in asked] == [documents[row["doc_id"]] for row in asked]
    assert {row["needs"] for row in triplets} == {"any"}


def test_evidence_of_format_1_has_no_answer_of_one_document_alone() -> None:
    narrow = table_in_format(QA, 1).schema.field("evidence").type
    verdict = {"prediction": "a mill", "correct": True}
    asked = {"closed_book": verdict, "document": None, "no_images": None, "images_only": None}
    batch = pa.RecordBatch.from_arrays([pa.array([asked, None], narrow)], names=["evidence"])
    read = filled(batch, QA).column("evidence").to_pylist()
    assert read == [{**asked, "first_only": None, "second_only": None}, None]


def test_check_finds_nothing() -> None:
    assert check(STORED).failed == ()


def test_check_finds_a_column_that_format_1_declares_and_the_file_lacks(tmp_path: Path) -> None:
    out = copy_of_format_1(tmp_path / "out")
    (file,) = (out / "data" / "triplets").glob("*.parquet")
    pq.write_table(pq.read_table(file).drop_columns(["miner"]), file)
    restamp(out)
    assert "files_schema" in check(out).failed
    with pytest.raises(FormatError, match="lacks column 'miner' of table triplets"):
        open_published(out)


def test_a_file_of_another_format_than_the_manifest_is_refused(tmp_path: Path) -> None:
    out = copy_of_format_1(tmp_path / "out")
    (file,) = (out / "data" / "ledger").glob("*.parquet")
    rows = pq.read_table(file)
    pq.write_table(rows.replace_schema_metadata({**rows.schema.metadata, b"nyxqa.format": b"2"}), file)
    restamp(out)
    assert check(out).failed == ("files_format",)
    with pytest.raises(FormatError, match=r"rows-00000-of-00001.parquet has format 2, manifest.json says 1"):
        open_published(out)


def test_report_and_export_read_it(tmp_path: Path) -> None:
    assert make_report(STORED).triplets[0].positives == len(rows_of_format_1("triplets", "train"))
    export(STORED, "shards", tmp_path / "shards")
    (shard,) = (tmp_path / "shards" / "data" / "shards").glob("*.parquet")
    exported = pq.read_table(shard).to_pylist()
    stored = {row["query_id"]: row for row in rows_of_format_1("preview", "train")}
    assert {row["query_id"]: row["positive"]["text"] for row in exported} == {
        name: row["positive"] for name, row in stored.items()
    }
