"""Stages ``dedup`` and ``split`` as the build runs them: any order, shards and workers, and a stop on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nyxqa.build import run as build
from nyxqa.builders.dedup import documents
from nyxqa.builders.dedup.across import pairs, sketches
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.limits import Limits, limited
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.stages.dedup import dedup
from nyxqa.builders.stages.split import split
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe import Dedup, SplitSection
from tests.support.near_duplicates import make_rows
from tests.support.rows import CHUNKS, document, locator, parts_of
from tests.support.running import published

Row = dict[str, Any]
SIZES = SplitSection(validation=0.0, test=0.0)


def chunks(seed: int, pages: int = 25) -> list[Row]:
    """Chunks of a few pages, varied from a few texts and pictures, some equal in content."""
    rows, ordinals = [], [count() for _ in range(pages)]
    for number, made in enumerate(make_rows(seed)):
        hashes: Any = made["p"]
        images = [f"{value & (2**64 - 1):064x}" for value in hashes]
        page = (number * 7 + seed) % pages
        row = document(f"p{page:02d}", next(ordinals[page]), str(made["text"]), images)
        row["images"] = [{**locator(image), "phash": value} for image, value in zip(images, hashes, strict=True)]
        rows.append(row)
    return rows


Outcome = tuple[dict[str, str], set[tuple[str, str]], dict[str, str]]


def outcome(run: WorkingRun, shards: list[list[Row]], settings: Dedup) -> Outcome:
    """Clusters by document, who is dropped for whom, and groups by page."""
    found = dedup(run, parts_of(run.work / "in", CHUNKS, *shards), settings)
    kept = list(split(run, found, SIZES, settings, 0, 42).rows())
    names = {row["place"]: row["doc_id"] for shard in shards for row in shard}
    ledger = [row for file in found.ledgers() for row in pq.read_table(file).to_pylist()]
    dropped = {(names[row["item_id"]], row["detail"]) for row in ledger if row["reason"] == "near_duplicate"}
    groups = {place["page_id"]: row["group"] for row in kept for place in (row, *row["also_at"])}
    return {row["doc_id"]: row["cluster"] for row in kept}, dropped, groups


@pytest.fixture(scope="module")
def executors() -> Iterator[dict[int, LocalExecutor]]:
    """One worker and two, the processes kept from one example to the next."""
    with LocalExecutor(1) as one, LocalExecutor(2) as two:
        yield {1: one, 2: two}


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    order=st.randoms(use_true_random=False),
    shards=st.integers(1, 5),
    workers=st.sampled_from([1, 2]),
    threads=st.integers(1, 3),
    common=st.sampled_from([0.01, 1.0]),
)
def test_same_outcome_for_any_order_shards_and_workers(
    executors: dict[int, LocalExecutor],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    order: random.Random,
    shards: int,
    workers: int,
    threads: int,
    common: float,
) -> None:
    rows = chunks(seed)
    alike = Dedup(threshold=0.6, common=common)
    expected = outcome(WorkingRun(tmp_path_factory.mktemp("one"), executors[1], Progress()), [rows], alike)
    order.shuffle(rows)
    run = WorkingRun(tmp_path_factory.mktemp("other"), executors[workers], Progress())
    with limited(Limits(threads=threads)):
        clusters, dropped, groups = outcome(run, [rows[shard::shards] for shard in range(shards)], alike)
    assert clusters == expected[0]
    assert dropped == expected[1]
    if common == 1.0:  # else a page may be gone with a common text that stays on another page of equal ones
        assert groups == expected[2]


def plain_chunks(number: int) -> list[Row]:
    chance = random.Random(1)
    return [
        document(f"p{page:04d}", 0, " ".join(f"w{chance.randrange(3000)}" for _ in range(12))) for page in range(number)
    ]


def test_a_full_spill_space_stops_the_stage_and_more_of_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = plain_chunks(5000)
    given_ = parts_of(tmp_path / "in", CHUNKS, rows[:2000], rows[2000:])
    run = WorkingRun(tmp_path / "work", LocalExecutor(1), Progress())
    texts: list[int] = []
    sketch_texts = documents.sketch_texts

    def counted(values: list[str], *settings: Any) -> Any:
        texts.append(len(values))
        return sketch_texts(values, *settings)

    monkeypatch.setattr(documents, "sketch_texts", counted)
    tight, roomy = Limits("14MB", 1, "1MB"), Limits("1GB", 1)
    wanted = r"filled its spill space in .*, 1MB: raise the limit spill \(duckdb.spill in a recipe\)"
    with limited(tight), pytest.raises(WorldError, match=wanted):
        dedup(run, given_, Dedup())
    assert sum(texts) == 5000
    with limited(roomy):
        found = dedup(run, given_, Dedup())
    assert sum(texts) == 5000  # no signature is worked out again
    assert len(found) == 5000
    (folder,) = (run.work / "steps" / "dedup.verdicts").iterdir()
    assert [path.name for path in sorted(folder.iterdir())] == [
        "done.json",
        "part-000000.parquet",
        "part-000001.parquet",
    ]


def test_the_limits_of_a_recipe_stop_a_build_that_goes_on_with_more_and_change_no_byte(
    small_recipe: Path, small_build: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wanted = r"more memory than the 1MB it may use: raise the limit memory \(duckdb.memory in a recipe\)"
    with pytest.raises(WorldError, match=wanted):
        build("all", recipe=small_recipe, out=out, workers=1, settings={"duckdb.memory": "1MB"})
    roomy = {"duckdb.memory": "500MB", "duckdb.threads": 1, "duckdb.folder": str(tmp_path / "spill")}
    build("all", recipe=small_recipe, out=out, workers=1, settings=roomy)
    assert published(out) == published(small_build)
    assert "duckdb" not in read_manifest(out).recipe
    assert list((tmp_path / "spill").iterdir()) == []


def test_a_stopped_search_between_groups_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = WorkingRun(tmp_path / "work", LocalExecutor(1), Progress())
    found = dedup(run, parts_of(tmp_path / "in", CHUNKS, chunks(3)), Dedup())
    with monkeypatch.context() as patched:
        patched.setattr(pairs, "pairs_of_range", stopped)
        with pytest.raises(KeyboardInterrupt):
            split(run, found, SIZES, Dedup(), 0, 42)
    monkeypatch.setattr(sketches, "sketch_texts", stopped)
    rows = list(split(run, found, SIZES, Dedup(), 0, 42).rows())
    assert len(rows) == len(found)
    (folder,) = (run.work / "steps" / "split.place").iterdir()
    assert [path.name for path in sorted(folder.iterdir())] == ["done.json", "part-000000.parquet"]


def stopped(*_: object) -> None:
    raise KeyboardInterrupt
