from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun, Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.schemas.errors import LawError
from tests.support.rows import finished
from tests.support.tasks import NUMBERS

DECIDE = Step("stage/decide", 1, {"a": 1}, split="train")
APPLY = Step("stage", 2, {"b": 2}, split="train", unit_in="row", unit_out="row")
ROWS = [[1, 2, 3], [2, 4], [3]]
REPEATED = pa.schema([("repeated", pa.bool_())])


@pytest.fixture
def rows(tmp_path: Path) -> StepOutput:
    for shard, numbers in enumerate(ROWS):
        write_table(part_file(tmp_path / "rows", shard), pa.table({"n": numbers}, schema=NUMBERS))
    return finished(tmp_path / "rows", "fingerprint of rows")


def write_repeated(rows: StepOutput, folder: Path) -> None:
    seen: set[int] = set()
    for shard, file in enumerate(rows.files()):
        numbers = pq.read_table(file)["n"].to_pylist()
        write_table(part_file(folder, shard), pa.table({"repeated": [n in seen for n in numbers]}, schema=REPEATED))
        seen.update(numbers)


def unrepeated_shard(task: tuple[Path, Path]) -> ShardOutput:
    rows, decisions = (pq.read_table(file) for file in task)
    names = [str(n) for n in rows["n"].to_pylist()]
    repeated = decisions["repeated"].to_pylist()
    kept = [name for name, again in zip(names, repeated, strict=True) if not again]
    drops = [Drop("row", name, "", "repeated") for name in names if name not in kept]
    return ShardOutput(pa.table({"n": [int(name) for name in kept]}, schema=NUMBERS), Account(names, kept, drops))


def applied(run: Run, rows: StepOutput, **options: Any) -> StepOutput:
    write = options.pop("write", partial(write_repeated, rows))
    tasks = options.pop("tasks", paired_files)
    return decide_then_apply(run, rows, DECIDE, write, APPLY, tasks, unrepeated_shard, NUMBERS, **options)


@pytest.mark.parametrize("workers", [1, 2])
def test_decisions_over_all_rows_are_applied_to_each_part_file(rows: StepOutput, workers: int, tmp_path: Path) -> None:
    with LocalExecutor(workers) as executor:
        run = WorkingRun(tmp_path, executor, Progress())
        output = applied(run, rows)
    assert [pq.read_table(file)["n"].to_pylist() for file in output.files()] == [[1, 2, 3], [4], []]
    assert [report.step.name for report in run.reports] == ["stage/decide", "stage"]
    counts = run.reports[1].counts
    assert counts is not None
    assert (counts.rows_in, counts.rows_out, counts.dropped) == (6, 4, 2)


def test_the_decisions_depend_on_the_rows_and_the_output_on_the_decisions(rows: StepOutput, tmp_path: Path) -> None:
    run = PlannedRun(tmp_path)
    output = applied(run, rows)
    decide = Step("stage/decide", 1, {"a": 1}, (rows.fingerprint,), "train")
    apply = Step("stage", 2, {"b": 2}, (decide.fingerprint,), "train", "row", "row")
    assert run.steps == [decide, apply]
    assert output.fingerprint == apply.fingerprint


def test_a_stopped_decision_continues_if_it_can(rows: StepOutput, tmp_path: Path) -> None:
    found: list[bool] = []

    def stopped_once(folder: Path) -> None:
        found.append((folder / "half").exists())
        (folder / "half").touch()
        if len(found) == 1:
            raise KeyboardInterrupt
        write_repeated(rows, folder)

    with pytest.raises(KeyboardInterrupt):
        applied(WorkingRun(tmp_path, LocalExecutor(1), Progress()), rows, write=stopped_once, resume=True)
    output = applied(WorkingRun(tmp_path, LocalExecutor(1), Progress()), rows, write=stopped_once, resume=True)
    assert found == [False, True]
    assert [row["n"] for row in output.rows()] == [1, 2, 3, 4]


def test_a_stage_may_join_part_files(rows: StepOutput, tmp_path: Path) -> None:
    def tasks(rows: StepOutput, decisions: StepOutput) -> list[tuple[Path, Path]]:
        return paired_files(rows, decisions)[:1]

    output = applied(WorkingRun(tmp_path, LocalExecutor(1), Progress()), rows, tasks=tasks)
    assert [row["n"] for row in output.rows()] == [1, 2, 3]


def test_a_missing_file_of_decisions_is_an_error(rows: StepOutput, tmp_path: Path) -> None:
    def only_the_first(folder: Path) -> None:
        write_repeated(rows, folder)
        part_file(folder, 2).unlink()

    with pytest.raises(LawError, match=r"holds decisions for 2 files, and .* has 3"):
        applied(WorkingRun(tmp_path, LocalExecutor(1), Progress()), rows, write=only_the_first)
