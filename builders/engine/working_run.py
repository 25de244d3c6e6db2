"""A run that does the work: tasks go to an executor, and a step that an earlier run finished is not done again."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Counts, ShardOutput
from nyxqa.builders.engine.executors.cluster.executor import encoders
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.executors.protocol import Executor, Where
from nyxqa.builders.engine.executors.threads import ThreadExecutor
from nyxqa.builders.engine.part_files import (
    StepRecord,
    filled_record,
    is_done,
    ledger_file,
    read_record,
    record_file,
    write_record,
)
from nyxqa.builders.engine.progress import Bar, Progress
from nyxqa.builders.engine.run import THREADS, T, folder_of
from nyxqa.builders.engine.shard import CompleteShard, Job, complete_shards, run_shard_or_wait
from nyxqa.builders.engine.step import Step, StepOutput, StepReport, check_lineage
from nyxqa.builders.engine.trace import note_costs, trace_line, write_trace
from nyxqa.builders.engine.workdir import generation
from nyxqa.schemas.errors import LawError, PendingError
from nyxqa.schemas.files import read_json, sweep


def _row_count(tasks: Iterable[object]) -> int | None:
    """Number of rows in ``tasks`` if that is a list of Parquet files, or of first rows and ends, else None."""
    if not isinstance(tasks, list):
        return None
    if all(isinstance(task, Path) and task.suffix == ".parquet" for task in tasks):
        return sum(int(pq.read_metadata(file).num_rows) for file in tasks)
    if all(isinstance(task, tuple) and [type(part) for part in task] == [int, int] for task in tasks):
        return sum(int(stop) - int(start) for start, stop in tasks)
    return None


def _counted(folder: Path) -> StepRecord:
    """The record of a folder that 0.1.0 filled, which counted no files."""
    old = record_file(folder)
    record = filled_record(folder, Counts(**read_json(old)) if old.exists() else None)
    write_record(folder, record)
    return record


def _reasons(folder: Path, record: StepRecord, unit: str) -> dict[str, int]:
    """Why items of a step were dropped, the most frequent reason first; notes on parts of items do not count."""
    if record.counts is None or not record.counts.dropped:
        return {}
    counts: Counter[str] = Counter()
    for index in record.ledgers:
        rows = pq.read_table(ledger_file(folder, index), columns=["item_type", "reason"])
        counts.update(rows.filter(pc.equal(rows["item_type"], unit))["reason"].to_pylist())
    return dict(counts.most_common())


class WorkingRun:
    """Runs steps in ``work`` and skips finished ones.

    :param work: The work folder inside the output folder.
    :param executor: Runs the shards.
    :param progress: Shows progress.
    :param traced: Whether the steps are those of a build, which reports and removals look up later.
    """

    def __init__(self, work: Path, executor: Executor, progress: Progress, traced: bool = True) -> None:
        self.work = work
        self._traced = traced
        self._trace: list[str] = []
        self._executors: dict[Where, Executor] = {
            "workers": executor,
            "driver": LocalExecutor(1),
            "threads": ThreadExecutor(THREADS),
            "encoder": encoders(executor),
        }
        self._progress = progress
        self.reports: list[StepReport] = []

    def generation(self, name: str) -> int:
        """Number of times that ``name`` was observed again."""
        return generation(self.work, name)

    def outputs(self) -> list[StepOutput]:
        """Outputs of all steps so far."""
        return [StepOutput(report.step.fingerprint, self.folder(report.step)) for report in self.reports]

    def folder(self, step: Step) -> Path:
        """Folder of the step's files."""
        return folder_of(self.work, step)

    def map(
        self,
        step: Step,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where = "workers",
    ) -> StepOutput:
        """One shard for each task, computed by ``function``; complete shards are not computed again."""
        folder, started = self.folder(step), time.perf_counter()
        record = read_record(folder)
        if record is None:
            folder.mkdir(parents=True, exist_ok=True)
            sweep(folder)
            counts, listed = Counts(), tasks()
            with self._progress.stage(step, _row_count(listed) or self._rows_before(step)) as bar:
                done = complete_shards(folder)
                for kept in done.values():
                    counts += kept.counts
                    bar.advance(kept.counts, kept=True)
                costs: dict[int, float] = {}
                for index, shard, seconds in self._shards(
                    step, folder, function, listed, set(done), schema, self._executors[where]
                ):
                    done[index], costs[index] = shard, seconds
                    counts += shard.counts
                    bar.advance(shard.counts)
            sweep(folder)  # what attempts left that were lost with their worker
            ledgers = tuple(sorted(index for index, shard in done.items() if shard.ledger))
            record = StepRecord(len(done), ledgers, counts if step.unit_in else None)
            write_record(folder, record)
            note_costs(self.work, step.label, costs)
        self._report(step, record.counts, time.perf_counter() - started, _reasons(folder, record, step.unit_in))
        return StepOutput(step.fingerprint, folder)

    def run_once(
        self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False, encoder: bool = False
    ) -> StepOutput:
        """One folder of files, written by ``function`` under a temporary name and then renamed."""
        folder, started = self.folder(step), time.perf_counter()
        if not folder.exists():
            unfinished = folder.with_name(f".{folder.name}.part")
            if not resume:
                shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True, exist_ok=True)
            sweep(unfinished)
            with self._progress.stage(step):
                if encoder:
                    (counts,) = encoders(self._executors["workers"], 0).map(function, [unfinished])
                else:
                    counts = function(unfinished)
            write_record(unfinished, filled_record(unfinished, counts))
            unfinished.rename(folder)
        record = read_record(folder) or _counted(folder)
        self._report(step, record.counts, time.perf_counter() - started, _reasons(folder, record, step.unit_in))
        return StepOutput(step.fingerprint, folder)

    def collect_external(self, step: Step, function: Callable[[Bar], Counts]) -> StepOutput:
        """Call ``function`` until it has finished once; after a stopped run it continues where it was."""
        folder, started = self.folder(step), time.perf_counter()
        if not is_done(folder):
            with self._progress.stage(step) as bar:
                counts = function(bar)
            write_record(folder, StepRecord(0))
            if counts.rows_in:
                self._progress.observed(StepReport(step, counts, time.perf_counter() - started))
        self._note(StepReport(step, None, time.perf_counter() - started))
        return StepOutput(step.fingerprint, folder)

    def say(self, line: str) -> None:
        """Print one line on stderr."""
        self._progress.say(line)

    def _shards(
        self,
        step: Step,
        folder: Path,
        function: Callable[[T], ShardOutput],
        tasks: Iterable[T],
        kept: Collection[int],
        schema: pa.Schema,
        executor: Executor,
    ) -> Iterator[tuple[int, CompleteShard, float]]:
        """The shards that were not ``kept``, with their numbers and processor seconds, as they are made.

        :raises PendingError: At the end, if shards wait for answers of a model; the others are made.
        """
        made: list[int] = []  # numbers of the shards that are made, in their order

        def missing() -> Iterator[Job[T]]:
            index = -1
            for index, task in enumerate(tasks):
                if index not in kept:
                    made.append(index)
                    yield Job(function, task, folder, index, schema, step.stage, step.split)
            if beyond := [number for number in kept if number > index]:
                raise LawError(
                    f"{folder} holds shard {max(beyond)}, but step {step.label} has {index + 1} shards; remove this "
                    "folder and run again, which computes this step again"
                )

        waiting: PendingError | None = None
        for number, result in enumerate(executor.map(run_shard_or_wait, missing())):
            if isinstance(result, PendingError):
                waiting = result
            else:
                yield made[number], *result
        if waiting is not None:
            raise waiting

    def _rows_before(self, step: Step) -> int | None:
        """Number of rows of the first input of a step that has a count, the same unit and the same split."""
        finished = {report.step.fingerprint: report for report in self.reports}
        for before in (finished[one] for one in step.inputs if one in finished):
            alike = (before.step.unit_out, before.step.split) == (step.unit_in, step.split)
            if alike and before.counts is not None:
                return before.counts.rows_out
        return None

    def _report(self, step: Step, counts: Counts | None, seconds: float, reasons: Mapping[str, int]) -> None:
        report = StepReport(step, counts, seconds, reasons)
        check_lineage(report, self.reports)
        self._note(report)
        self._progress.finished(report)

    def _note(self, report: StepReport) -> None:
        self.reports.append(report)
        if self._traced:
            self._trace.append(trace_line(report))
            write_trace(self.work, self._trace)
