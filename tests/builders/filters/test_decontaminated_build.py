"""A build held against benchmarks: what goes, what stays, what the ledger says, and that it can be continued."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from nyxqa.build import run
from nyxqa.builders import pipeline
from nyxqa.builders.sources import base
from nyxqa.schemas.errors import NyxqaError, UsageError, WorldError
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.tables import QA_SPLITS
from nyxqa.schemas.words import words
from tests.support.benchmark import json_lines, recompressed
from tests.support.pages import RECIPE, many_pages, picture, sentences, write_recipe
from tests.support.running import published, states

PAGES = 40
BLANK = "____"


def rows(out: Path, table: str) -> list[dict[str, Any]]:
    return [row for file in sorted((out / "data" / table).glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def contaminated(out: Path) -> list[dict[str, Any]]:
    return [row for row in rows(out, "ledger") if row["reason"] == "contaminated"]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a source and a build of it that was held against nothing."""
    folder = tmp_path_factory.mktemp("clean")
    recipe = write_recipe(folder, many_pages(PAGES))
    run("all", recipe=str(recipe), out=folder / "out", workers=1)
    yield folder


@pytest.fixture(scope="module")
def planted(clean: Path) -> Path:
    """A recipe with two benchmarks that overlap with three pages and a question."""
    around = (row["question"].partition(f" {BLANK} ") for row in rows(clean / "out", "qa"))
    before, after = next((left, right) for left, _, right in around if min(map(len, (left, right))) > 30)
    # Its document holds a word more between the two.
    asked = f"{' '.join(before.split()[-4:])} {BLANK} {' '.join(after.split()[:4])}"
    bench = clean / "bench"
    told = sentences(10)[0].split()
    json_lines(
        bench / "qa.jsonl",
        [
            {"id": "near", "question": "Is it told that " + " ".join(told[3:17]) + "?"},
            {"id": "other", "question": "Which planet has the most moons of all in the system?"},
            {"id": "asked", "question": asked},
        ],
    )
    (bench / "deep").mkdir()
    (bench / "deep" / "photo.jpg").write_bytes(recompressed(picture("27_0")))
    (clean / "passages.txt").write_text(" ".join(reversed(sentences(11)[1].split())) + "\n\n" + sentences(13)[2] + "\n")
    recipe = clean / "held.toml"
    recipe.write_text(RECIPE + '[filters]\ndecontaminate = ["bench", "passages.txt"]\n')
    return recipe


@pytest.fixture(scope="module")
def held(planted: Path) -> Path:
    """The build held against them, in several shards by two workers."""
    out = planted.parent / "held"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(base, "batch_limit", lambda number: base.Limit(8, 1_000_000))
        run("all", recipe=str(planted), out=out, workers=2)
    assert len(list((out / ".work" / "steps" / "filter").glob("*/part-*.parquet"))) == 6
    return out


def test_what_overlaps_goes_and_the_ledger_names_the_item(clean: Path, held: Path) -> None:
    pages = {row["page_id"]: row["url"] for row in rows(clean / "out", "corpus")}
    documents = [row for row in contaminated(held) if row["item_type"] == "document"]
    details = {pages[row["parent_id"]][-4:]: row["detail"] for row in documents}
    assert details.keys() == {"0010", "0013", "0027"}
    assert details["0010"].startswith("13 words in a row of bench/qa.jsonl near: ")
    assert details["0013"].startswith("13 words in a row of passages.txt line 3: ")
    assert " bits of that of bench/deep/photo.jpg" in details["0027"]
    assert {(row["stage"], row["split"]) for row in documents} == {("filter", "")}


def test_a_question_of_the_benchmark_is_not_asked(clean: Path, held: Path, planted: Path) -> None:
    lines = (planted.parent / "bench" / "qa.jsonl").read_text().splitlines()
    asked = json.loads(lines[2])["question"]
    assert [sum(asked in row["question"] for row in rows(out, "qa")) for out in (clean / "out", held)] == [1, 0]
    (row,) = [row for row in contaminated(held) if row["item_type"] == "question"]
    assert row["stage"] == "refine" and row["split"] in QA_SPLITS
    assert row["detail"].startswith(f"all {len(words(asked))} words of bench/qa.jsonl asked: ")
    assert row["item_id"].startswith(row["parent_id"] + ":")


def test_clean_items_stay(clean: Path, held: Path) -> None:
    before, after = ({row["doc_id"] for row in rows(out, "corpus")} for out in (clean / "out", held))
    assert before - after == {row["item_id"] for row in contaminated(held) if row["item_type"] == "document"}
    assert after < before
    manifest = read_manifest(held)
    assert manifest.summary["benchmark"] == {"items": 6, "texts": 5, "images": 1, "unusable_images": 0}
    assert manifest.recipe["filters"]["decontaminate"] == ["bench", "passages.txt"]
    assert [entry.name for entry in manifest.stages][:7] == [
        "source", "prefilter", "images", "chunk", "dedup", "filter", "split"
    ]  # fmt: skip
    for entry in manifest.stages:
        assert entry.rows_in == entry.parents + entry.dropped + entry.not_sampled


def test_a_stopped_build_of_one_shard_continues_to_the_same_bytes(
    held: Path, planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise WorldError("stopped")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "verify", stop)
        with pytest.raises(WorldError, match="stopped"):
            run("all", recipe=str(planted), out=tmp_path / "out", workers=1)
    run("all", recipe=str(planted), out=tmp_path / "out", workers=1)
    assert published(tmp_path / "out") == published(held)
    before = states(tmp_path / "out")
    run("all", recipe=str(planted), out=tmp_path / "out", workers=1)
    assert states(tmp_path / "out") == before


def test_a_changed_benchmark_makes_the_splits_stale(planted: Path, held: Path) -> None:
    recipe = planted.parent / "changed.toml"
    (planted.parent / "more.txt").write_text(sentences(19)[0])
    recipe.write_text(RECIPE + '[filters]\ndecontaminate = ["bench", "passages.txt", "more.txt"]\n')
    with pytest.raises(UsageError, match="was made with other data parameters"):
        run("train", recipe=str(recipe), out=held)


@pytest.mark.parametrize(
    ("filters", "error", "message"),
    [
        ('decontaminate = ["gone.jsonl"]', WorldError, "gone.jsonl does not exist"),
        ('decontaminate = ["bench", "recipe.toml"]', UsageError, "recipe.toml is not supported"),
        ('decontaminate = ["bench"]\nenabled = false', UsageError, "filters.enabled is false"),
        ('corpus = ["n_tokens >"]', UsageError, "filters.corpus: DuckDB refuses 'n_tokens >': Parser"),
        ('qa = ["n_token > 1"]', UsageError, "filters.qa: DuckDB refuses 'n_token > 1': Binder Error"),
    ],
    ids=["missing", "kind", "off", "condition", "column"],
)
def test_a_wrong_filter_stops_the_build_before_any_work(
    filters: str, error: type[NyxqaError], message: str, planted: Path, tmp_path: Path
) -> None:
    recipe = planted.parent / "wrong.toml"
    recipe.write_text(f"{RECIPE}[filters]\n{filters}\n")
    with pytest.raises(error) as raised:
        run("all", recipe=str(recipe), out=tmp_path / "out", workers=1)
    assert message in str(raised.value)
    assert raised.value.exit_code == (2 if error is UsageError else 1)
    assert not (tmp_path / "out" / ".work" / "steps").exists()


def test_a_broken_benchmark_stops_the_build_before_the_source_is_read(planted: Path, tmp_path: Path) -> None:
    (planted.parent / "broken.jsonl").write_text('"Who?"\n{"question"\n')
    recipe = planted.parent / "wrong.toml"
    recipe.write_text(RECIPE + '[filters]\ndecontaminate = ["broken.jsonl"]\n')
    with pytest.raises(WorldError, match=r"broken\.jsonl line 2 is not valid JSON"):
        run("all", recipe=str(recipe), out=tmp_path / "out", workers=1)
    assert [folder.name for folder in (tmp_path / "out" / ".work" / "steps").iterdir()] == ["filter.benchmark"]
