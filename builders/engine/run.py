"""A run: steps in an output folder, each done once, resumable shard by shard."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from nyxqa.builders.engine.accounting import Counts, ShardOutput
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.executors.protocol import Executor, Where
from nyxqa.builders.engine.executors.threads import ThreadExecutor
from nyxqa.builders.engine.progress import Bar, Progress
from nyxqa.builders.engine.shard import Job, run_shard, whole_shards
from nyxqa.builders.engine.step import Step, StepOutput, StepReport
from nyxqa.builders.engine.workdir import done_file, generation, is_done, step_folder
from nyxqa.schemas.files import read_json, write_json

T = TypeVar("T")

THREADS = 4


class Run(Protocol):
    """What a stage sees of the engine; a planning run answers without working."""

    @property
    def work(self) -> Path:
        """The hidden folder of the output folder; for observations that outlive a step."""
        ...

    def generation(self, name: str) -> int:
        """How many times ``name`` was observed again."""
        ...

    def folder(self, step: Step) -> Path:
        """Folder of the step's files."""
        ...

    def map(
        self,
        step: Step,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where = "workers",
    ) -> StepOutput:
        """One shard for each task, made by ``function`` (picklable where workers make it)."""
        ...

    def run_once(self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False) -> StepOutput:
        """One folder of files, filled by ``function`` in this process, whole or absent.

        :param function: Returns the step's account in numbers, if it keeps one; it may write ledger files itself.
        :param resume: Whether ``function`` goes on from what a stopped run left in the folder.
        """
        ...

    def collect_external(self, step: Step, function: Callable[[Bar], Counts]) -> StepOutput:
        """Let ``function`` gather, in this process, what it keeps outside the step and resumes by itself; once.

        It returns what it did in this run, to be shown; the stage's account has no part in it.
        """
        ...

    def outputs(self) -> list[StepOutput]:
        """Outputs of all steps so far, in their order."""
        ...

    def say(self, line: str) -> None:
        """One line for people."""
        ...


def _folder(work: Path, step: Step) -> Path:
    return step_folder(work, step.name, step.split, step.fingerprint)


def _read_counts(folder: Path) -> Counts | None:
    """Counts of the step in ``folder`` if it is whole and has any."""
    return Counts(**read_json(done_file(folder))) if is_done(folder) else None


class PlannedRun:
    """Collects the steps of a build without running any: fingerprints need no data.

    :param again: Names of the observations that will be repeated before the run.
    """

    def __init__(self, work: Path, again: Collection[str] = ()) -> None:
        self.work = work
        self._again = again
        self.steps: list[Step] = []

    def generation(self, name: str) -> int:
        """How many times ``name`` will have been observed again when the run starts."""
        return generation(self.work, name, self._again)

    def outputs(self) -> list[StepOutput]:
        """Outputs of all steps so far."""
        return [StepOutput(step.fingerprint, self.folder(step)) for step in self.steps]

    def folder(self, step: Step) -> Path:
        """Folder of the step's files."""
        return _folder(self.work, step)

    def map(
        self,
        step: Step,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where = "workers",
    ) -> StepOutput:
        """Note the step."""
        return self._note(step)

    def run_once(self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False) -> StepOutput:
        """Note the step."""
        return self._note(step)

    def collect_external(self, step: Step, function: Callable[[Bar], Counts]) -> StepOutput:
        """Note the step."""
        return self._note(step)

    def say(self, line: str) -> None:
        """Nothing: a plan is silent."""

    def _note(self, step: Step) -> StepOutput:
        self.steps.append(step)
        return StepOutput(step.fingerprint, self.folder(step))


class WorkingRun:
    """Runs steps into ``work`` and skips what is there.

    :param work: The hidden folder of the output folder.
    :param executor: Where shards are worked on.
    :param progress: Where progress is shown.
    """

    def __init__(self, work: Path, executor: Executor, progress: Progress) -> None:
        self.work = work
        self._executors: dict[Where, Executor] = {
            "workers": executor,
            "driver": LocalExecutor(1),
            "threads": ThreadExecutor(THREADS),
        }
        self._progress = progress
        self.reports: list[StepReport] = []

    def generation(self, name: str) -> int:
        """How many times ``name`` was observed again."""
        return generation(self.work, name)

    def outputs(self) -> list[StepOutput]:
        """Outputs of all steps so far."""
        return [StepOutput(report.step.fingerprint, self.folder(report.step)) for report in self.reports]

    def folder(self, step: Step) -> Path:
        """Folder of the step's files."""
        return _folder(self.work, step)

    def map(
        self,
        step: Step,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where = "workers",
    ) -> StepOutput:
        """One shard for each task, made by ``function``; whole shards are kept."""
        folder, started = self.folder(step), time.perf_counter()
        counts = _read_counts(folder)
        if counts is None:
            folder.mkdir(parents=True, exist_ok=True)
            counts = Counts()
            with self._progress.stage(step) as bar:
                for shard in self._shards(step, folder, function, tasks, schema, self._executors[where]):
                    counts += shard
                    bar.advance(shard)
            write_json(done_file(folder), asdict(counts))
        self._report(step, counts, time.perf_counter() - started)
        return StepOutput(step.fingerprint, folder)

    def run_once(self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False) -> StepOutput:
        """One folder of files, filled by ``function`` beside its place and then renamed into it."""
        folder, started = self.folder(step), time.perf_counter()
        if not folder.exists():
            unfinished = folder.with_name(f".{folder.name}.part")
            if not resume:
                shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True, exist_ok=True)
            with self._progress.stage(step):
                made = function(unfinished)
            if made is not None:
                write_json(done_file(unfinished), asdict(made))
            unfinished.rename(folder)
        self._report(step, _read_counts(folder), time.perf_counter() - started)
        return StepOutput(step.fingerprint, folder)

    def collect_external(self, step: Step, function: Callable[[Bar], Counts]) -> StepOutput:
        """Gather once what ``function`` keeps elsewhere; a stopped run calls it again to go on."""
        folder, started = self.folder(step), time.perf_counter()
        if not is_done(folder):
            with self._progress.stage(step) as bar:
                counts = function(bar)
            write_json(done_file(folder), {})
            if counts.rows_in:
                self._progress.finished(StepReport(step, counts, time.perf_counter() - started))
        self.reports.append(StepReport(step, None, time.perf_counter() - started))
        return StepOutput(step.fingerprint, folder)

    def say(self, line: str) -> None:
        """One line on stderr."""
        self._progress.say(line)

    def _shards(
        self,
        step: Step,
        folder: Path,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        executor: Executor,
    ) -> Iterator[Counts]:
        """Counts of all shards: those found whole first, then the others as they are made."""
        kept = whole_shards(folder)
        yield from kept.values()
        missing = (
            Job(function, task, folder, index, schema, step.stage, step.split)
            for index, task in enumerate(tasks())
            if index not in kept
        )
        for counts, _ in executor.map(run_shard, missing):
            yield counts

    def _report(self, step: Step, counts: Counts | None, seconds: float) -> None:
        report = StepReport(step, counts, seconds)
        self.reports.append(report)
        self._progress.finished(report)
