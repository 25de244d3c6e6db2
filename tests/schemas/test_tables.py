"""The tables as declared."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from nyxqa.schemas.tables import IMAGE, POOL_NAME, TABLES, published_schema

# The contract: table, splits, columns in order.
CONTRACT = {
    "corpus": (
        "",
        "doc_id text images image_ids image_phashes captions kind n_tokens page_id chunk title section url "
        "image_urls license language external_id source split group cluster also_at",
    ),
    "qa": (
        "train validation test",
        "qa_id question images image_ids answer answers answer_long choices label doc_id page_id kind source "
        "generator prompts evidence",
    ),
    "triplets": (
        "train validation test",
        "query_id dataset pool instruction query query_images query_image_ids answers positive_id positives "
        "negative_ids negative_ranks negative_scores miner kind",
    ),
    "mixture": ("train", "position query_id dataset"),
    "feedback": ("train", "query_id dataset candidates closed_book positive_ids negative_ids generator"),
    "ledger": ("rows", "stage split item_type item_id parent_id reason detail"),
}


@pytest.mark.parametrize("name", list(CONTRACT))
def test_splits_and_columns_are_those_of_the_contract(name: str) -> None:
    splits, columns = CONTRACT[name]
    assert TABLES[name].splits == tuple(splits.split())
    assert TABLES[name].schema.names == columns.split()


def test_preview_has_the_columns_of_joined_triplets() -> None:
    columns = [name for name in TABLES["preview"].schema.names if name not in ("positive", "negatives")]
    stored = [name for name in TABLES["triplets"].schema.names if name != "query_images"]
    assert sorted(columns) == sorted(stored)
    assert next(iter(TABLES)) == "preview"


def test_tables_know_whether_they_carry_images() -> None:
    assert {name for name, table in TABLES.items() if table.has_images} == {"preview", "corpus", "qa", "triplets"}


def test_published_files_carry_format_and_features() -> None:
    schema = published_schema(pa.schema([("a", pa.list_(IMAGE)), ("b", pa.struct([("c", pa.int32())]))]))
    assert schema.metadata[b"nyxqa.format"] == b"1"
    assert json.loads(schema.metadata[b"huggingface"]) == {
        "info": {"features": {"a": [{"_type": "Image"}], "b": {"c": {"dtype": "int32", "_type": "Value"}}}}
    }


@pytest.mark.parametrize(
    ("name", "valid"), [("web", True), ("a_1", True), ("1a", False), ("Web", False), ("a-b", False)]
)
def test_pool_names(name: str, valid: bool) -> None:
    assert bool(POOL_NAME.match(name)) is valid
