"""Files of a pool that is published whole: each written by itself, with the bytes of one writer."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nyxqa.build import run
from nyxqa.builders.assembly.passages import passage_row, plan_passages
from nyxqa.builders.question_sets.outputs import PoolParts
from nyxqa.builders.question_sets.passage_pool import PassagePool, write_pool
from nyxqa.builders.question_sets.passages import read_passages
from nyxqa.builders.stages.corpus import corpus_file, passages_shard
from nyxqa.schemas.tables import CORPUS
from nyxqa.schemas.writing import file_hash, write_split
from tests.support.running import published
from tests.support.sets import TEXTS, write_passages, write_questions, write_text

PASSAGES = 730


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> PoolParts:
    folder = tmp_path_factory.mktemp("pool")
    lines = [
        json.dumps({"id": str(n), "contents": f'"T{n}"\n{"söme words " * (n % 40 + 1)}{n}'}) for n in range(PASSAGES)
    ]
    lines += [json.dumps({"id": "again", "contents": json.loads(lines[5])["contents"]})]
    (folder / "passages.jsonl").write_text("\n".join(lines))
    write_pool(read_passages(f"flashrag:{folder / 'passages.jsonl'}"), folder, lambda drop: None)
    return PoolParts("lakes", "", folder, "flashrag", "CC0", True)


def test_one_file_has_the_bytes_that_a_single_writer_gives(pool: PoolParts, tmp_path: Path) -> None:
    stored = PassagePool(pool.folder)
    rows = (passage_row(stored, row, pool) for row in range(len(stored)))
    ((path, entry),) = write_split(CORPUS, "lakes", rows, tmp_path).items()
    (planned,) = plan_passages(stored)
    made = passages_shard(pool, tmp_path, planned).rows.to_pylist()
    assert corpus_file(tmp_path, 0).read_bytes() == (tmp_path / path).read_bytes()
    assert made == [{"rows": entry.rows, "sha256": entry.sha256}]


def test_files_are_cut_at_row_groups_and_hold_every_passage_once(pool: PoolParts, tmp_path: Path) -> None:
    stored = PassagePool(pool.folder)
    size = sum(text for text, _ in stored.lengths()) // 4
    planned = list(plan_passages(stored, size))
    assert len(planned) == 4
    assert (planned[0].start, planned[-1].end) == (0, PASSAGES)
    assert all(one.end == other.start and one.end % 100 == 0 for one, other in pairwise(planned))
    texts: list[str] = []
    for one in reversed(planned):
        passages_shard(pool, tmp_path, one)
    for one in planned:
        file = corpus_file(tmp_path, one.number)
        texts += pq.read_table(file, columns=["text"])["text"].to_pylist()
        assert pq.read_metadata(file).num_row_groups == -(-(one.end - one.start) // 100)
    assert texts == [one.text for one in stored]


def test_a_pool_of_images_and_an_empty_one_are_planned(tmp_path: Path) -> None:
    class Lengths:
        def __init__(self, *each: tuple[int, int]) -> None:
            self.lengths = lambda: iter(each)

    assert list(plan_passages(Lengths())) == []  # type: ignore[arg-type]
    large = (10, 20 << 20)  # two of them do not share a row group
    planned = list(plan_passages(Lengths(*[large] * 5), 40 << 20))  # type: ignore[arg-type]
    assert [(one.start, one.end) for one in planned] == [(0, 2), (2, 4), (4, 5)]


def test_workers_write_the_bytes_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nyxqa.builders.stages.corpus as module

    monkeypatch.setattr(module, "plan_passages", lambda pool: plan_passages(pool, 40_000))
    write_passages(tmp_path, 1_000)
    write_questions(tmp_path)
    recipe = write_text(tmp_path / "recipe.toml", TEXTS.replace("license", 'keep = "all"\nlicense'))
    for workers in (1, 2):
        run("train", recipe=recipe, out=tmp_path / str(workers), workers=workers)
    made = published(tmp_path / "1")
    assert made == published(tmp_path / "2")
    assert sum("corpus/lakes-" in str(path) for path in made) == 2
    files = json.loads((tmp_path / "1" / "manifest.json").read_text())["files"]
    for path, entry in files.items():
        assert file_hash(tmp_path / "1" / path) == entry["sha256"]
