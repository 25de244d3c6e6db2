"""Pairs across sides, found by steps over files, equal those of brute force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.dedup.across import pairs, prefixes, sketches
from nyxqa.builders.dedup.across.pairs import near_pairs
from nyxqa.builders.dedup.across.sketches import Documents, document_groups, sketched
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.tables import QA_SPLITS
from tests.support.near_duplicates import components, hamming, jaccard, make_rows

FILES = 4


def read(files: Sequence[Path]) -> Iterator[pa.Table]:
    for file in files:
        yield pq.read_table(file, columns=["text", "phashes"])


def sides(files: Sequence[Path]) -> npt.NDArray[np.int64]:
    named = pa.concat_tables([pq.read_table(file, columns=["split"]) for file in files])["split"]
    return np.array([QA_SPLITS.index(name) for name in named.to_pylist()])


def found(folder: Path, rows: list[dict[str, Any]], settings: Dedup, every: bool) -> StepOutput:
    files = []
    for shard in range(FILES):
        own = [{**row, "phashes": row["p"]} for row in rows[shard * len(rows) // FILES :][: len(rows) // FILES]]
        files.append(folder / f"{shard}.parquet")
        schema = pa.schema([("text", pa.string()), ("phashes", pa.list_(pa.int64())), ("split", pa.string())])
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(own, schema), files[-1])
    run = WorkingRun(folder / str(every), LocalExecutor(1), Progress())
    documents = Documents(lambda: document_groups(files), lambda: 10_000, read)
    known = sketched(run, Step("x/sketch", 1), documents, settings.shingle)
    return near_pairs(run, Step("x/prefixes", 1), known, documents.groups, sides, settings, every)


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is sketched by itself, buckets are counted in ranges, and keys meet in several of them."""
    for module, name, value in (
        (sketches, "GROUP_DOCUMENTS", 1),
        (sketches, "_RANGE_BITS", 10),
        (prefixes, "_SHINGLES", 40),
        (pairs, "_DOCUMENTS_A_RANGE", 20),
        (pairs, "_CANDIDATES", 50),
        (pairs, "_PAIRS", 3),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("small_tasks")
@pytest.mark.parametrize(("seed", "threshold", "distance"), [(1, 0.2, 4), (2, 0.5, 1), (3, 0.8, 16), (4, 1.0, 0)])
def test_pairs_are_those_of_brute_force(tmp_path: Path, seed: int, threshold: float, distance: int) -> None:
    rows: list[dict[str, Any]] = [
        {**row, "split": "validation" if row["split"] == "v" else row["split"]} for row in make_rows(seed, 60)
    ]
    wanted = set()
    for (a, one), (b, two) in combinations(enumerate(rows), 2):
        if one["split"] != two["split"]:
            if jaccard(str(one["text"]), str(two["text"])) >= threshold:
                wanted.add((a, b, False))
            if any(hamming(x, y) <= distance for x, y in product(one["p"], two["p"])):
                wanted.add((a, b, True))
    settings = Dedup(threshold=threshold, image_distance=distance)
    each = len(rows) // FILES
    place = {(number // each) << 32 | number % each: number for number in range(len(rows))}
    every = {(place[row["a"]], place[row["b"]], row["image"]) for row in found(tmp_path, rows, settings, True).rows()}
    assert every == wanted
    assert {image for _, _, image in wanted} == {False, True}
    linked = [(str(row["side_a"]), str(row["side_b"])) for row in found(tmp_path, rows, settings, False).rows()]
    side = {number: str(QA_SPLITS.index(row["split"])) for number, row in enumerate(rows)}
    names = sorted(set(side.values()))
    assert components(names, linked) == components(names, [(side[a], side[b]) for a, b, _ in wanted])
