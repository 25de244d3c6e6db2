"""Run the steps of a build in an output folder: each once, resumable shard by shard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from nyxqa.builders.engine.accounting import Counts, ShardOutput
from nyxqa.builders.engine.executors.protocol import Where
from nyxqa.builders.engine.progress import Bar
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.workdir import generation, step_folder

T = TypeVar("T")

THREADS = 4


class Run(Protocol):
    """The engine as a stage sees it; a planned run returns outputs without computing them."""

    @property
    def work(self) -> Path:
        """The work folder inside the output folder, for observations that outlive a step."""
        ...

    def generation(self, name: str) -> int:
        """Number of times that ``name`` was observed again."""
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
        """One shard for each task, computed by ``function`` (picklable if workers run it).

        A step without a unit keeps no account: its rows are no items, and it may leave further files in its folder.
        """
        ...

    def run_once(
        self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False, encoder: bool = False
    ) -> StepOutput:
        """One folder of files, written by ``function`` in this process; it appears complete or not at all.

        :param function: Returns the step's counts, if it has any; it may write ledger files itself.
        :param resume: Whether ``function`` continues from the files of a stopped run.
        :param encoder: Whether it holds a large model, and is picklable: where the nodes of a cluster have GPUs, one of
            them runs it. It is not tried again there: two attempts would fill one folder.
        """
        ...

    def collect_external(self, step: Step, function: Callable[[Bar], Counts]) -> StepOutput:
        """Let ``function`` collect data, once and in this process, that it stores outside the step and resumes itself.

        It returns what it did in this run, for the progress lines; that does not enter the stage's account.
        """
        ...

    def outputs(self) -> list[StepOutput]:
        """Outputs of all steps so far, in order."""
        ...

    def say(self, line: str) -> None:
        """Print one line of progress."""
        ...


def folder_of(work: Path, step: Step) -> Path:
    """Folder of the output of ``step``."""
    return step_folder(work, step.name, step.split, step.fingerprint)


class PlannedRun:
    """Collects the steps of a build without running them: fingerprints need no data.

    :param again: Names of the observations that will be repeated before the run.
    """

    def __init__(self, work: Path, again: Collection[str] = ()) -> None:
        self.work = work
        self._again = again
        self.steps: list[Step] = []

    def generation(self, name: str) -> int:
        """Number of times that ``name`` will have been observed again when the run starts."""
        return generation(self.work, name, self._again)

    def outputs(self) -> list[StepOutput]:
        """Outputs of all steps so far."""
        return [StepOutput(step.fingerprint, self.folder(step)) for step in self.steps]

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
        """Record the step."""
        return self._record(step)

    def run_once(
        self, step: Step, function: Callable[[Path], Counts | None], resume: bool = False, encoder: bool = False
    ) -> StepOutput:
        """Record the step."""
        return self._record(step)

    def collect_external(self, step: Step, function: Callable[[Bar], Counts]) -> StepOutput:
        """Record the step."""
        return self._record(step)

    def say(self, line: str) -> None:
        """Print nothing: a plan is silent."""

    def _record(self, step: Step) -> StepOutput:
        self.steps.append(step)
        return StepOutput(step.fingerprint, self.folder(step))
