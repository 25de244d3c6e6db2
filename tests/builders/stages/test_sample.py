from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nyxqa.builders.engine.decide import paired_files
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.stages.sample import quotas, sample, sample_shard, write_chosen
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Recipe, Sample, Shares, SplitSection
from nyxqa.schemas.recipe_file import read_recipe
from tests.support.rows import SPLIT_DOCUMENTS, document, finished, parts_of


def documents(first: int, count: int) -> list[dict[str, Any]]:
    """One in three a text, a single and a multi; one in ten short; the last quarter in validation."""
    rows = []
    for index in range(first, first + count):
        text = f"short {index}" if index % 10 == 0 else f"text {index} " + "word " * 40
        split = "validation" if index % 4 == 3 else "train"
        rows.append(document(f"p{index}", 0, text, [f"{index}-{i}" for i in range(index % 3)], split=split))
    return rows


def sampled(tmp_path: Path, recipe: Recipe, split: str, *shards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    parts = parts_of(tmp_path / "in", SPLIT_DOCUMENTS, *shards)
    params = {
        "seed": recipe.seed,
        "quota": quotas(recipe.sample, recipe.split, split),
        "min_tokens": recipe.sample.min_tokens,
    }
    (tmp_path / "chosen").mkdir()
    write_chosen(parts, params, split, tmp_path / "chosen")
    chosen = finished(tmp_path / "chosen")
    rows: list[dict[str, Any]] = []
    for file, own_chosen in paired_files(parts, chosen):
        output = sample_shard(split, ((file, own_chosen),))
        output.account.check("sample")
        assert {row["split"] for row in output.rows.to_pylist()} <= {split}
        own = {row["doc_id"] for row in pq.read_table(file).to_pylist() if row["split"] == split}
        assert set(output.account.inputs) == own
        rows += output.rows.to_pylist()
    return rows


def quotas_of(recipe: Recipe, split: str) -> dict[str, int] | None:
    return quotas(recipe.sample, recipe.split, split)


def test_the_paper_s_shares() -> None:
    assert quotas_of(read_recipe("paper"), "train") == {"text": 6329, "single": 2985, "multi": 686}
    assert quotas_of(read_recipe("paper"), "test") == {"text": 400, "single": 400, "multi": 400}
    assert quotas_of(read_recipe("nyxqa"), "train") is None
    assert quotas_of(read_recipe("nyxqa"), "validation") is None
    assert quotas_of(Recipe(sample=Sample(count=7)), "train") == {"": 7}


def test_shares_fill_per_kind_with_documents_long_enough(tmp_path: Path) -> None:
    recipe = Recipe(sample=Sample(count=50, shares=Shares(text=0.6, single=0.3, multi=0.1)))
    rows = sampled(tmp_path, recipe, "train", documents(0, 200), documents(200, 100))
    assert Counter(row["kind"] for row in rows) == {"text": 30, "single": 15, "multi": 5}
    assert all(row["n_tokens"] >= 40 for row in rows)


def test_a_share_that_cannot_be_filled_takes_nothing_of_another_kind(tmp_path: Path) -> None:
    recipe = Recipe(sample=Sample(count=200, shares=Shares(text=0.05, single=0.05, multi=0.9)))
    rows = sampled(tmp_path, recipe, "train", documents(0, 120))
    counts = Counter(row["kind"] for row in rows)
    assert counts["text"] == counts["single"] == 10
    assert counts["multi"] < 180


def test_count_alone_draws_from_all_kinds_by_keyed_hash(tmp_path: Path) -> None:
    recipe = Recipe(sample=Sample(count=20))
    rows = sampled(tmp_path, recipe, "train", documents(0, 200))
    long = [row for row in documents(0, 200) if row["split"] == "train" and row["n_tokens"] >= 40]
    first = sorted(long, key=lambda row: keyed_hash(42, "sample", row["doc_id"]))[:20]
    assert {row["doc_id"] for row in rows} == {row["doc_id"] for row in first}


def test_without_count_all_that_are_long_enough(tmp_path: Path) -> None:
    rows = sampled(tmp_path, Recipe(), "train", documents(0, 100))
    assert len(rows) == sum(row["split"] == "train" and row["n_tokens"] >= 40 for row in documents(0, 100))


def test_the_same_documents_have_the_same_hashes_whatever_else_is_there(tmp_path: Path) -> None:
    recipe = Recipe(sample=Sample(count=30))
    few = {row["doc_id"] for row in sampled(tmp_path / "few", recipe, "train", documents(0, 100))}
    more = {row["doc_id"] for row in sampled(tmp_path / "more", recipe, "train", documents(0, 100), documents(100, 60))}
    old = {row["doc_id"] for row in documents(0, 100)}
    assert more & old <= few
    assert len(more) == 30


def test_a_quota_of_questions_takes_at_most_twice_as_many_seeds(tmp_path: Path) -> None:
    recipe = Recipe(split=SplitSection(validation=4, test=1))
    rows = sampled(tmp_path, recipe, "validation", documents(0, 300))
    assert Counter(row["kind"] for row in rows) == {"text": 8, "single": 8, "multi": 8}


def test_a_shard_without_documents_of_the_split_is_empty(tmp_path: Path) -> None:
    assert sampled(tmp_path, Recipe(), "test", documents(0, 20), []) == []


def test_few_seeds_of_many_part_files_share_a_shard(tmp_path: Path) -> None:
    shards = [documents(100 * number, 30) for number in range(5)]
    recipe = Recipe(sample=Sample(count=12))
    apart = sampled(tmp_path / "apart", recipe, "train", *shards)
    parts = parts_of(tmp_path / "in", SPLIT_DOCUMENTS, *shards)
    run = WorkingRun(tmp_path / "work", LocalExecutor(1), Progress())
    seeds = sample(run, parts, recipe.sample, recipe.split, recipe.seed, "train")
    assert len(seeds.files()) == 1
    assert list(seeds.rows()) == apart
    (counts,) = [report.counts for report in run.reports if report.counts is not None]
    assert (counts.rows_in, counts.not_sampled, counts.rows_out) == (115, 103, 12)
