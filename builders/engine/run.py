"""A run: steps in an output folder, each done once, resumable shard by shard."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import pyarrow as pa

from nyxqa.builders.engine.account import Counts, ShardOutput
from nyxqa.builders.engine.executor import Executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.shard import Job, read_marker, run_shard
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.schemas.files import read_json, write_json

T = TypeVar("T")

# Where shards are made: models that take a device, or all cores, for themselves work in this process.
Where = Literal["workers", "driver"]

_DONE = "done.json"  # counts of a step that is whole


@dataclass(frozen=True)
class StepReport:
    """A finished step: its counts and the seconds it took in this run."""

    step: Step
    counts: Counts | None
    seconds: float


class Run(Protocol):
    """What a stage sees of the engine; a planning run answers without working."""

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
    ) -> Parts:
        """One shard for each task, made by ``function`` (picklable) on the executor, or in this process."""
        ...

    def whole(self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False) -> Parts:
        """One folder of files, filled by ``function`` in this process, whole or absent.

        :param function: Returns the step's account in numbers, if it keeps one; it may write ledger files itself.
        :param resume: Whether ``function`` goes on from what a stopped run left in the folder.
        """
        ...

    def outputs(self) -> list[Parts]:
        """Outputs of all steps so far, in their order."""
        ...


def _folder(work: Path, step: Step) -> Path:
    name = step.name.replace("/", ".") + (f".{step.split}" if step.split else "")
    return work / "steps" / name / step.fingerprint[:16]


class PlannedRun:
    """Collects the steps of a build without running any: fingerprints need no data."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self.steps: list[Step] = []

    def outputs(self) -> list[Parts]:
        """Outputs of all steps so far."""
        return [Parts(step.fingerprint, self.folder(step)) for step in self.steps]

    def folder(self, step: Step) -> Path:
        """Folder of the step's files."""
        return _folder(self._work, step)

    def map(
        self,
        step: Step,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where = "workers",
    ) -> Parts:
        """Note the step."""
        return self._note(step)

    def whole(self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False) -> Parts:
        """Note the step."""
        return self._note(step)

    def _note(self, step: Step) -> Parts:
        self.steps.append(step)
        return Parts(step.fingerprint, self.folder(step))


class WorkingRun:
    """Runs steps into ``work`` and skips what is there.

    :param work: The hidden folder of the output folder.
    :param executor: Where shards are worked on.
    :param progress: Where progress is shown.
    """

    def __init__(self, work: Path, executor: Executor, progress: Progress) -> None:
        self._work = work
        self._executor = executor
        self._progress = progress
        self.reports: list[StepReport] = []

    def outputs(self) -> list[Parts]:
        """Outputs of all steps so far."""
        return [Parts(report.step.fingerprint, self.folder(report.step)) for report in self.reports]

    def folder(self, step: Step) -> Path:
        """Folder of the step's files."""
        return _folder(self._work, step)

    def map(
        self,
        step: Step,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where = "workers",
    ) -> Parts:
        """One shard for each task, made by ``function``; whole shards are kept."""
        folder, started = self.folder(step), time.perf_counter()
        done = folder / _DONE
        if done.exists():
            counts = Counts(**read_json(done))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            counts = Counts()
            with self._progress.stage(step) as bar:
                for shard in self._shards(step, folder, function, tasks, schema, where):
                    counts += shard
                    bar.advance(shard)
            write_json(done, asdict(counts))
        self._report(step, counts, time.perf_counter() - started)
        return Parts(step.fingerprint, folder)

    def whole(self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False) -> Parts:
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
                write_json(unfinished / _DONE, asdict(made))
            unfinished.rename(folder)
        done = folder / _DONE
        counts = Counts(**read_json(done)) if done.exists() else None
        self._report(step, counts, time.perf_counter() - started)
        return Parts(step.fingerprint, folder)

    def _shards(
        self,
        step: Step,
        folder: Path,
        function: Callable[[T], ShardOutput],
        tasks: Callable[[], Iterable[T]],
        schema: pa.Schema,
        where: Where,
    ) -> Iterator[Counts]:
        """Counts of all shards: those found whole first, then the others as they are made."""

        def missing() -> Iterator[Job[T]]:
            for index, task in enumerate(tasks()):
                found = read_marker(folder, index)
                if found is None:
                    yield Job(function, task, folder, index, schema, step.stage, step.split)
                else:
                    kept.append(found)

        kept: list[Counts] = []
        made = self._executor.map(run_shard, missing()) if where == "workers" else map(run_shard, missing())
        for counts, _ in made:
            yield counts
        yield from kept

    def _report(self, step: Step, counts: Counts | None, seconds: float) -> None:
        report = StepReport(step, counts, seconds)
        self.reports.append(report)
        self._progress.finished(report)
