from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Account, Counts, Drop, ShardOutput
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.shard import Job, complete_shards, run_shard
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.trace import read_trace
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.files import replacing
from nyxqa.schemas.tables import LEDGER
from tests.support.tasks import NUMBERS, logged_shard, shard

STEP = Step("stage/part", 1, {"a": 1}, (), "train", "row", "row")
TASKS = [(0, 1, 2), (3, 5), (4, 6, 7)]


def working(folder: Path, workers: int = 1) -> WorkingRun:
    return WorkingRun(folder, LocalExecutor(workers), Progress())


def calls(log: Path) -> dict[int, int]:
    return {int(file.name): len(file.read_text()) for file in log.iterdir()} if log.exists() else {}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_writes_its_shards_their_ledger_and_its_counts(workers: int, tmp_path: Path) -> None:
    with LocalExecutor(workers) as executor:
        run = WorkingRun(tmp_path, executor, Progress())
        parts = run.map(STEP, shard, lambda: TASKS, NUMBERS)
    assert [row["n"] for row in parts.rows()] == [0, 2, 4, 6]
    assert [len(pq.read_table(file)) for file in parts.files()] == [2, 0, 2]
    ledger = pa.concat_tables([pq.read_table(file, schema=LEDGER.schema) for file in parts.ledgers()]).to_pylist()
    assert [(row["item_type"], row["item_id"], row["reason"]) for row in ledger] == [
        ("row", "1", "odd"),
        ("row", "3", "odd"),
        ("row", "5", "odd"),
        ("row", "7", "odd"),
        ("image", "4:0", "dead"),
    ]
    assert {(row["stage"], row["split"], row["detail"]) for row in ledger[:1]} == {("stage", "train", "1 is odd")}
    assert run.reports[0].counts == Counts(rows_in=8, parents=4, dropped=4, not_sampled=0, rows_out=4)
    assert [parts.fingerprint for parts in run.outputs()] == [STEP.fingerprint]


def test_shards_found_whole_are_not_redone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parts = working(tmp_path).map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    whole = {file.name: file.read_bytes() for file in parts.folder.iterdir()}
    (parts.folder / "done.json").unlink()
    (parts.folder / "done-000001.json").unlink()
    part_file(parts.folder, 1).write_bytes(b"half of a file")
    (parts.folder / ".part-000001.parquet.0123456789ab.part").write_bytes(b"left by a kill")
    again = working(tmp_path)
    again.map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    assert calls(log) == {0: 1, 3: 2, 4: 1}
    assert {file.name: file.read_bytes() for file in parts.folder.iterdir()} == whole
    assert again.reports[0].counts == Counts(8, 4, 4, 0, 4)


def test_shards_found_whole_are_shown_before_any_is_made(tmp_path: Path) -> None:
    shown: list[tuple[int, int]] = []
    log = tmp_path / "log"

    class Shown(Progress):
        @contextmanager
        def stage(self, step: Step, total: int | None = None) -> Iterator[Shown]:
            yield self

        def advance(self, done: Counts, kept: bool = False) -> None:
            shown.append((done.rows_in, sum(calls(log).values())))

    parts = working(tmp_path).map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    (parts.folder / "done.json").unlink()
    (parts.folder / "done-000000.json").unlink()
    WorkingRun(tmp_path, LocalExecutor(1), Shown()).map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    assert sorted(shown[:2]) == [(2, 3), (3, 3)]  # three calls: those of the first run
    assert shown[2:] == [(3, 4)]


def test_a_finished_step_is_not_redone_nor_its_tasks_read(tmp_path: Path) -> None:
    def no_tasks() -> list[tuple[int, ...]]:
        raise AssertionError("tasks were read")

    working(tmp_path).map(STEP, shard, lambda: TASKS, NUMBERS)
    run = working(tmp_path)
    assert [row["n"] for row in run.map(STEP, shard, no_tasks, NUMBERS).rows()] == [0, 2, 4, 6]
    assert run.reports[0].counts == Counts(8, 4, 4, 0, 4)


def test_another_fingerprint_is_another_folder(tmp_path: Path) -> None:
    run = working(tmp_path)
    first = run.map(STEP, shard, lambda: TASKS, NUMBERS)
    other = run.map(Step("stage/part", 1, {"a": 2}, (), "train"), shard, lambda: TASKS[:1], NUMBERS)
    assert first.folder != other.folder
    assert len(first) == 4
    assert len(other) == 2


def unlawful(numbers: tuple[int, ...]) -> ShardOutput:
    return ShardOutput(pa.table({"n": []}, schema=NUMBERS), Account([str(n) for n in numbers], []))


def misshapen(numbers: tuple[int, ...]) -> ShardOutput:
    return ShardOutput(pa.table({"m": [1]}), Account(["1"], ["1"]))


def test_a_shard_that_loses_items_or_has_other_columns_is_not_marked_done(tmp_path: Path) -> None:
    with pytest.raises(LawError, match="stage train shard 0: the ledger does not add up: 3 items"):
        working(tmp_path).map(STEP, unlawful, lambda: TASKS, NUMBERS)
    with pytest.raises(LawError, match="rows do not fit the schema"):
        working(tmp_path).map(STEP, misshapen, lambda: TASKS, NUMBERS)
    folder = working(tmp_path).folder(STEP)
    assert complete_shards(folder) == {}
    assert not (folder / "done.json").exists()


def test_a_whole_step_is_whole_or_absent(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "a").write_text("half")
        raise KeyboardInterrupt

    seen: list[list[str]] = []

    def full(folder: Path) -> None:
        seen.append([file.name for file in folder.iterdir()])
        (folder / "b").write_text("full")

    run = working(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.run_once(STEP, half)
    assert not run.folder(STEP).exists()
    for _ in range(2):
        assert [file.name for file in run.run_once(STEP, full).folder.iterdir() if file.name != "done.json"] == ["b"]
    assert seen == [[]]
    assert run.reports[-1].counts is None


def test_a_whole_step_may_keep_an_account_that_a_later_run_reports(tmp_path: Path) -> None:
    counted = Counts(5, 4, 1, 0, 4)
    for _ in range(2):
        run = working(tmp_path)
        run.run_once(STEP, lambda _: counted)
        assert run.reports[-1].counts == counted


def test_a_whole_step_that_resumes_finds_what_a_stopped_run_left(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "a").write_text("half")
        raise KeyboardInterrupt

    seen: list[list[str]] = []

    def rest(folder: Path) -> None:
        seen.append([file.name for file in folder.iterdir()])

    run = working(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.run_once(STEP, half, resume=True)
    assert not run.folder(STEP).exists()
    run.run_once(STEP, rest, resume=True)
    assert seen == [["a"]]
    assert [file.name for file in run.folder(STEP).iterdir() if file.name != "done.json"] == ["a"]


def test_planning_names_the_steps_of_the_run_and_writes_nothing(tmp_path: Path) -> None:
    planned = PlannedRun(tmp_path)
    run = working(tmp_path)
    assert planned.map(STEP, shard, lambda: TASKS, NUMBERS) == StepOutput(STEP.fingerprint, run.folder(STEP))
    assert planned.run_once(STEP, lambda _: None).folder == run.folder(STEP)
    assert planned.steps == [STEP, STEP]
    assert [parts.fingerprint for parts in planned.outputs()] == [STEP.fingerprint] * 2
    assert list(tmp_path.iterdir()) == []


def test_progress_prints_one_line_a_step_and_one_object_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = WorkingRun(tmp_path, LocalExecutor(1), Progress(as_json=True, verbose=True))
    run.map(STEP, shard, lambda: TASKS, NUMBERS)
    run.run_once(Step("stage/whole", 1), lambda _: None)
    out, err = capsys.readouterr()
    part, whole = err.splitlines()
    assert re.fullmatch(r"stage/part train   8 rows -> 4   4 dropped: \w+   \d+\.\d s", part)
    assert re.fullmatch(r"stage/whole   \d+\.\d s", whole)
    line, uncounted = map(json.loads, out.splitlines())
    assert line.pop("seconds") >= 0
    assert uncounted.pop("seconds") >= 0
    assert uncounted == {"step": "stage/whole", "split": ""}
    assert line == {
        "step": "stage/part",
        "split": "train",
        "rows_in": 8,
        "parents": 4,
        "dropped": 4,
        "not_sampled": 0,
        "rows_out": 4,
    }


def test_an_account_names_what_it_notes_without_counting_it(tmp_path: Path) -> None:
    def noted(_: int) -> ShardOutput:
        account = Account(["p"], ["p"], notes=[Drop("image", "p:0", "p", "dead")])
        return ShardOutput(pa.table({"n": [1]}, schema=NUMBERS), account)

    run = working(tmp_path)
    parts = run.map(STEP, noted, lambda: [0], NUMBERS)
    assert run.reports[0].counts == Counts(1, 1, 0, 0, 1)
    assert pq.read_table(parts.ledgers()[0])["item_id"].to_pylist() == ["p:0"]


def made(folder: Path) -> WorkingRun:
    """A run that has made STEP and counts over its numbers below ``folder``."""
    run = working(folder)
    parts = run.map(STEP, shard, lambda: TASKS, NUMBERS)
    run.map(NEXT, take_all, parts.files, NUMBERS)
    return run


def take_all(file: Path) -> ShardOutput:
    table = pq.read_table(file)
    names = [str(n) for n in table["n"].to_pylist()]
    return ShardOutput(table, Account(names, names))


NEXT = Step("next", 1, {}, (STEP.fingerprint,), "train", "row", "row")


def test_a_part_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    run = made(tmp_path)
    part_file(run.folder(STEP), 2).unlink()
    shutil.rmtree(run.folder(NEXT))
    with pytest.raises(
        LawError, match=r"part-000002\.parquet is missing .* remove .*stage\.part.* and run again"
    ) as one:
        made(tmp_path)
    assert one.value.exit_code == 3
    shutil.rmtree(run.folder(STEP))
    assert made(tmp_path).reports[1].counts == run.reports[1].counts


def test_a_shard_that_lost_a_file_before_its_step_was_finished_is_made_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parts = working(tmp_path).map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    whole = {file.name: file.read_bytes() for file in parts.folder.iterdir()}
    for name in ("done.json", "part-000000.parquet", "ledger-000001.parquet"):
        (parts.folder / name).unlink()
    working(tmp_path).map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    assert calls(log) == {0: 2, 3: 2, 4: 1}
    assert {file.name: file.read_bytes() for file in parts.folder.iterdir()} == whole


def test_a_step_that_0_1_0_finished_counts_its_shards_without_making_them_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parts = working(tmp_path).map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS)
    whole = {file.name: file.read_bytes() for file in parts.folder.iterdir()}
    for file in parts.folder.glob("done*.json"):  # as 0.1.0 wrote them
        counts = json.loads(file.read_bytes())
        file.write_text(json.dumps({name: counts[name] for name in Counts.__dataclass_fields__}))
    old = {file.name: json.loads(file.read_bytes()) for file in parts.folder.glob("done-*.json")}
    with pytest.raises(LawError, match="does not say how many files"):
        parts.files()
    run = working(tmp_path)
    assert [row["n"] for row in run.map(STEP, partial(logged_shard, log), lambda: TASKS, NUMBERS).rows()] == [
        0,
        2,
        4,
        6,
    ]
    assert calls(log) == {0: 1, 3: 1, 4: 1}
    assert json.loads((parts.folder / "done.json").read_bytes())["shards"] == 3
    assert parts.ledgers() == [parts.folder / name for name in sorted(whole) if name.startswith("ledger")]
    assert old == {file.name: json.loads(file.read_bytes()) for file in parts.folder.glob("done-*.json")}


def test_a_whole_step_without_a_count_is_counted_and_one_with_a_gap_refused(tmp_path: Path) -> None:
    def three(folder: Path) -> Counts:
        for index in range(3):
            pq.write_table(pa.table({"n": [index]}, schema=NUMBERS), part_file(folder, index))
        return Counts(3, 3, 0, 0, 3)

    run = working(tmp_path)
    parts = run.run_once(STEP, three)
    (parts.folder / "done.json").write_text(json.dumps(asdict(Counts(3, 3, 0, 0, 3))))
    assert len(working(tmp_path).run_once(STEP, three).files()) == 3
    for record in ("{}", json.dumps(asdict(Counts(4, 4, 0, 0, 4)))):
        (parts.folder / "done.json").write_text(record)
        if record == "{}":
            part_file(parts.folder, 1).rename(part_file(parts.folder, 3))
        with pytest.raises(LawError, match=r"is missing|holds 3 rows and its account says 4"):
            working(tmp_path).run_once(STEP, three)
        if record == "{}":
            part_file(parts.folder, 3).rename(part_file(parts.folder, 1))


def test_a_step_that_takes_in_fewer_rows_than_the_one_before_gave_is_refused(tmp_path: Path) -> None:
    run = working(tmp_path)
    parts = run.map(STEP, shard, lambda: TASKS, NUMBERS)
    with pytest.raises(LawError, match="stage/part train gave 4 rows and next train took in 2; remove"):
        run.map(NEXT, take_all, lambda: parts.files()[:1], NUMBERS)


def test_a_shard_beyond_the_tasks_is_refused(tmp_path: Path) -> None:
    parts = working(tmp_path).map(STEP, shard, lambda: TASKS, NUMBERS)
    (parts.folder / "done.json").unlink()
    with pytest.raises(LawError, match="holds shard 2, but step stage/part train has 2"):
        working(tmp_path).map(STEP, shard, lambda: TASKS[:2], NUMBERS)


def test_two_attempts_at_one_shard_do_not_write_into_each_other(tmp_path: Path) -> None:
    job = Job(shard, TASKS[0], tmp_path, 0, NUMBERS, "stage", "train")
    with replacing(part_file(tmp_path, 0)) as slow:
        slow.write_bytes(b"half of a")
        run_shard(job)
        whole = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file != slow}
        assert slow.read_bytes() == b"half of a"
        slow.write_bytes(whole["part-000000.parquet"])
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == whole


def test_steps_of_another_command_leave_those_of_the_build_noted(tmp_path: Path) -> None:
    working(tmp_path).map(STEP, shard, lambda: TASKS, NUMBERS)
    with LocalExecutor(1) as executor:
        asked = WorkingRun(tmp_path, executor, Progress(), traced=False)
        asked.map(Step("feedback/part", 1, {}, (), "train", "row", "row"), shard, lambda: TASKS, NUMBERS)
    assert [step.name for step in read_trace(tmp_path)[0]] == [STEP.name]
