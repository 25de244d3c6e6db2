"""The tables as declared."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from nyxqa.schemas.columns import IMAGE
from nyxqa.schemas.tables import JOINED, POOL_NAME, SIDE, TABLES, published_schema, table_in_format

# The contract: table, splits, columns in order.
CONTRACT = {
    "corpus": (
        "",
        "doc_id text images image_ids image_phashes captions kind n_tokens page_id chunk title section url "
        "image_urls license language external_id source split group cluster also_at caption_origins start end "
        "locator",
    ),
    "qa": (
        "train validation test",
        "qa_id question images image_ids answer answers answer_long choices label doc_id page_id kind source "
        "generator prompts evidence dataset pool reviews type nuggets answerable",
    ),
    "triplets": (
        "train validation test",
        "query_id dataset pool instruction query query_images query_image_ids answers positive_id positives "
        "negative_ids negative_ranks negative_scores miner kind reviews row_hash needs",
    ),
    "qrels": ("validation test", "query_id doc_id grade by span"),
    "mixture": ("train", "position query_id dataset"),
    "feedback": ("train", "query_id dataset candidates closed_book positive_ids negative_ids generator"),
    "preview": (
        "train",
        "query_id dataset query query_images answers positive_id positive positive_images "
        "negative_1_id negative_1 negative_1_images negative_1_score "
        "negative_2_id negative_2 negative_2_images negative_2_score "
        "negative_3_id negative_3 negative_3_images negative_3_score",
    ),
    "ledger": ("rows", "stage split item_type item_id parent_id reason detail"),
}


@pytest.mark.parametrize("name", list(CONTRACT))
def test_splits_and_columns_are_those_of_the_contract(name: str) -> None:
    splits, columns = CONTRACT[name]
    assert TABLES[name].splits == tuple(splits.split())
    assert TABLES[name].schema.names == columns.split()


def test_joined_rows_have_the_columns_of_triplets() -> None:
    columns = [name for name in JOINED.schema.names if name not in ("positive", "negatives")]
    stored = [name for name in TABLES["triplets"].schema.names if name != "query_images"]
    assert columns == stored
    assert next(iter(TABLES)) == "preview"


def test_types_of_the_structs_are_those_of_the_contract() -> None:
    qa, qrels = TABLES["qa"].schema, TABLES["qrels"].schema
    verdict = pa.struct([("prediction", pa.string()), ("correct", pa.bool_())])
    conditions = ("closed_book", "document", "no_images", "images_only", "first_only", "second_only")
    assert qa.field("evidence").type == pa.struct([(name, verdict) for name in conditions])
    place = [("start", pa.int32()), ("end", pa.int32())]
    assert qa.field("nuggets").type == pa.list_(pa.struct([("text", pa.string()), ("doc_id", pa.string()), *place]))
    assert qrels.field("span").type == pa.struct(place)
    assert qa.field("reviews").type == TABLES["triplets"].schema.field("reviews").type == pa.int32()


def test_format_1_has_neither_the_columns_nor_the_conditions_of_format_2() -> None:
    assert table_in_format(TABLES["corpus"], 1).schema.names[-1] == "also_at"
    assert table_in_format(TABLES["qa"], 1).schema.field("evidence").type.num_fields == 4
    assert table_in_format(TABLES["preview"], 1).schema.field("negatives").type == pa.list_(SIDE)
    assert table_in_format(TABLES["qa"], 2) is TABLES["qa"]


def test_tables_know_whether_they_carry_images() -> None:
    assert {name for name, table in TABLES.items() if table.has_images} == {"preview", "corpus", "qa", "triplets"}


def test_published_files_carry_format_and_features() -> None:
    schema = published_schema(pa.schema([("a", pa.list_(IMAGE)), ("b", pa.struct([("c", pa.int32())]))]))
    assert schema.metadata[b"nyxqa.format"] == b"2"
    assert json.loads(schema.metadata[b"huggingface"]) == {
        "info": {"features": {"a": [{"_type": "Image"}], "b": {"c": {"dtype": "int32", "_type": "Value"}}}}
    }


@pytest.mark.parametrize(
    ("name", "valid"), [("web", True), ("a_1", True), ("1a", False), ("Web", False), ("a-b", False)]
)
def test_pool_names(name: str, valid: bool) -> None:
    assert bool(POOL_NAME.match(name)) is valid
