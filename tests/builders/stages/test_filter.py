from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.build import run
from nyxqa.builders.filters.conditions import DocumentConditions, check_conditions, first_failed
from nyxqa.builders.report.report import make_report
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.builders.stages.filter import filter_shard
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Filters
from nyxqa.schemas.tables import QA
from tests.support.pages import RECIPE, many_pages, write_recipe
from tests.support.rows import document, locator, write
from tests.support.running import ROOT, environment


def filtered(tmp_path: Path, rows: list[dict[str, Any]], *conditions: str) -> tuple[list[str], dict[str, str]]:
    output = filter_shard([DocumentConditions(conditions)], write(tmp_path / "part.parquet", rows, DOCUMENTS))
    output.account.check("filter")
    assert output.rows.schema.equals(DOCUMENTS)
    names = {row["doc_id"]: row["page_id"] for row in rows}
    assert {drop.reason for drop in output.account.dropped} <= {"filter"}
    return output.rows["page_id"].to_pylist(), {names[drop.item_id]: drop.detail for drop in output.account.dropped}


def test_a_document_must_meet_every_condition_and_the_first_failed_is_the_detail(tmp_path: Path) -> None:
    rows = [
        document("a", 0, "one two three"),
        document("b", 0, "one"),
        document("c", 0, "one two three", ["i" * 64]),
        document("d", 0, "x", ["i" * 64]),
    ]
    kept, drops = filtered(tmp_path, rows, "n_tokens > 1", "len(image_ids) = 0")
    assert kept == ["a"]
    assert drops == {"b": "n_tokens > 1", "c": "len(image_ids) = 0", "d": "n_tokens > 1"}


def test_columns_are_those_of_the_published_table(tmp_path: Path) -> None:
    rows = [document("a", 0, "text", ["i" * 64]), document("b", 0, "text"), document("c", 0, "more")]
    rows[0]["images"] = [{**locator("i" * 64, "A red fox"), "url": "x.png", "phash": -3}]
    assert filtered(tmp_path, rows, "captions = ['A red fox'] AND image_urls[1] = 'x.png'")[0] == ["a"]
    assert filtered(tmp_path, rows, "list_contains(image_phashes, -3) OR page_id = 'c'")[0] == ["a", "c"]
    assert filtered(tmp_path, rows, "page_id <> 'a' -- a comment")[0] == ["b", "c"]


def test_null_is_not_true(tmp_path: Path) -> None:
    rows = [document("a", 0, "text", language="en"), document("b", 0, "text b")]
    assert filtered(tmp_path, rows, "language = 'en'")[0] == ["a"]


def test_no_condition_and_no_row_pass(tmp_path: Path) -> None:
    assert filtered(tmp_path, [document("a", 0, "text")])[0] == ["a"]
    assert filtered(tmp_path, [], "n_tokens > 1") == ([], {})


def test_the_stage_needs_no_other_import_to_work() -> None:
    code = (
        "from nyxqa.builders.filters.conditions import corpus_columns, first_failed; "
        "from nyxqa.builders.rows import DOCUMENTS; "
        "print(first_failed(corpus_columns(DOCUMENTS.empty_table()), ['n_tokens > 1'], 'x'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "[]\n"), found.stderr


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        (Filters(corpus=["n_tokens >"]), "filters.corpus: DuckDB refuses 'n_tokens >'"),
        (Filters(corpus=["n_token > 1"]), "filters.corpus"),
        (Filters(qa=["n_tokens > 1"]), "filters.qa"),
        (Filters(qa=["images[1].bytes IS NULL"]), "filters.qa"),
    ],
    ids=["syntax", "column", "other table", "bytes"],
)
def test_a_bad_condition_is_known_before_anything_is_spent(filters: Filters, where: str) -> None:
    with pytest.raises(UsageError) as error:
        check_conditions(filters, QA.schema)
    assert str(error.value).startswith(where)
    assert "\n" not in str(error.value)


def test_a_condition_that_fails_on_a_row_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"filters\.corpus: DuckDB refuses 'text::INT > 1'") as error:
        filtered(tmp_path, [document("a", 0, "no number")], "text::INT > 1")
    assert "\n" not in str(error.value)


def test_good_conditions_pass_and_are_those_that_rows_are_compared_with(tmp_path: Path) -> None:
    good = Filters(corpus=["n_tokens > 1"], qa=["label < 4 AND len(image_ids) = 0"])
    check_conditions(good, QA.schema)
    rows = [document("a", 0, "one two"), document("b", 0, "one")]
    assert filtered(tmp_path, rows, *good.corpus) == (["a"], {"b": "n_tokens > 1"})
    asked = pa.table({"label": [3, 4, 0], "image_ids": [[], [], ["i"]]})
    assert first_failed(asked, good.qa, "filters.qa") == [None, *good.qa, *good.qa]


@pytest.mark.parametrize(
    ("condition", "blamed"),
    [
        ("random() < 0.5", "random"),
        ("RANDOM() < 0.5", "random"),
        ("now() > '2020-01-01'::TIMESTAMPTZ", "now"),
        ("current_date > '2020-01-01'::DATE", "current_date"),
        ("year(Current_Timestamp) > 2020", "current_timestamp"),
        ("localtimestamp IS NOT NULL", "localtimestamp"),
        ("current_localtime() IS NOT NULL", "current_localtime"),
        ("age('2020-01-01'::TIMESTAMP) > INTERVAL 1 DAY", "age"),
        ("ago(INTERVAL 1 DAY) IS NOT NULL", "ago"),
        ("current_setting('TimeZone') = 'UTC'", "current_setting"),
        ("len(list_filter(image_ids, lambda i: random() < 0.5)) > 0", "random"),
        ("(SELECT count(*) FROM read_csv('/etc/passwd')) > 0", "read_csv"),
        ("(SELECT count(*) FROM '/etc/passwd') > 0", "'/etc/passwd'"),
        ("(SELECT count(*) FROM rows) > 3", "'rows'"),
        ("(SELECT max(i) FROM unnest(image_ids) t(i) USING SAMPLE 1) > 'a'", "a sample"),
        ("true) FROM rows, (SELECT 1", "more than one expression"),
    ],
)
def test_a_condition_that_more_than_its_row_decides_is_refused(condition: str, blamed: str) -> None:
    for filters, where in ((Filters(corpus=[condition]), "corpus"), (Filters(qa=[condition]), "qa")):
        with pytest.raises(UsageError) as error:
            check_conditions(filters, QA.schema)
        head, _, why = str(error.value).partition(" cannot be used: ")
        assert head == f"filters.{where}: {condition!r}"
        assert blamed in why
        assert error.value.exit_code == 2


@pytest.mark.parametrize(
    "condition",
    [
        "(SELECT max(i) FROM unnest(image_ids) t(i)) > 'a'",
        "text IN (WITH own AS (SELECT 'a' AS word) SELECT word FROM own)",
        "len(list_filter(captions, lambda c: c <> '')) = len(image_ids)",
        "age('2020-01-02'::TIMESTAMP, '2020-01-01'::TIMESTAMP) > INTERVAL 1 HOUR",
        "regexp_matches(text, '[a-z]') AND split_part(url, '/', 3) <> 'example.org'",
        "(SELECT sum(n) FROM range(3) t(n)) = 3",
    ],
)
def test_what_only_its_row_decides_passes(condition: str) -> None:
    check_conditions(Filters(corpus=[condition]), QA.schema)


def test_rows_are_filtered_without_access_to_files(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    with pytest.raises(UsageError, match=r"DuckDB refuses .*: Permission Error"):
        filtered(tmp_path, [document("a", 0, "text")], f"(SELECT count(*) FROM '{tmp_path}/other.csv') > 0")


def test_each_condition_of_a_build_is_counted_in_the_ledger(tmp_path: Path) -> None:
    conditions = ["page_id NOT LIKE '%0'", "length(text) > 0", "kind = 'text'", "n_tokens > 0"]
    asked = ["length(answer) > 4", "length(answer) % 2 = 0"]
    recipe = write_recipe(tmp_path, many_pages(40), f"{RECIPE}[filters]\ncorpus = {conditions}\nqa = {asked}\n")
    result = run("train", recipe=recipe, out=tmp_path / "out", workers=1)
    ledger = [row for file in (result.out / "data/ledger").iterdir() for row in pq.read_table(file).to_pylist()]
    found = Counter((row["stage"], row["detail"]) for row in ledger if row["reason"] == "filter")
    (documents,) = [entry for entry in result.manifest.stages if entry.name == "filter"]
    assert found["filter", "page_id NOT LIKE '%0'"] > 0
    assert found["filter", "kind = 'text'"] > 5
    assert documents.dropped == sum(count for (stage, _), count in found.items() if stage == "filter")
    assert all(found["assemble", condition] > 0 for condition in asked)
    kept = [row for file in (result.out / "data/qa").iterdir() for row in pq.read_table(file).to_pylist()]
    assert kept
    assert all(len(row["answer"]) > 4 and len(row["answer"]) % 2 == 0 for row in kept)
    told = {(drop.stage, drop.detail): drop.count for drop in make_report(result.out).drops if drop.reason == "filter"}
    assert told == found
