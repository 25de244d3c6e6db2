"""A step of the build: its name, its fingerprint and its output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import BaseModel

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.part_files import StepRecord, ledger_file, part_file, read_record, require
from nyxqa.schemas.errors import LawError


@dataclass(frozen=True)
class Step:
    """Everything that determines a step's output.

    :param name: The stage's name, or STAGE/PART where a stage has several steps.
    :param version: Code version, raised whenever the same input gives another output.
    :param params: Data parameters; none that only changes speed.
    :param inputs: Fingerprints of the step's inputs.
    :param split: Split that the step processes; empty before stage ``split``.
    :param unit_in: Item type of the input rows.
    :param unit_out: Item type of the output rows.
    """

    name: str
    version: int
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    split: str = ""
    unit_in: str = ""
    unit_out: str = ""

    @property
    def stage(self) -> str:
        """Name of the stage the step belongs to."""
        return self.name.partition("/")[0]

    @property
    def label(self) -> str:
        """Name and split, for messages."""
        return f"{self.name} {self.split}".strip()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over name, split, version, parameters and inputs, as 64 hexadecimal digits."""
        content = [self.name, self.split, self.version, plain(self.params), list(self.inputs)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def plain(value: Any) -> Any:
    """``value`` as JSON types: recipe sections become dictionaries."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def section_params(section: BaseModel, keys: Iterable[str], added: Iterable[str] = ()) -> dict[str, Any]:
    """Values of the data keys of a recipe section as JSON types, for ``Step.params``.

    :param keys: Keys that always enter the fingerprint.
    :param added: Keys added to the section since the step was first released; they enter only where they differ from
        their defaults, so that outputs made without them stay valid.
    """
    fields = type(section).model_fields
    changed = {key for key in added if getattr(section, key) != fields[key].get_default(call_default_factory=True)}
    return section.model_dump(mode="json", include={*keys, *changed})


@dataclass(frozen=True)
class StepOutput:
    """The output of a finished step: an ordered list of Parquet files in one folder.

    Files are named by the numbers that the step recorded, never found by listing the folder: a file that is missing is
    an error, not fewer rows.
    """

    fingerprint: str
    folder: Path

    def files(self) -> list[Path]:
        """Part files in order.

        :raises LawError: If one is missing, or the step is unfinished.
        """
        return self._existing([part_file(self.folder, index) for index in range(self._record().shards)])

    def ledgers(self) -> list[Path]:
        """Ledger files in order; a shard that dropped nothing has none.

        :raises LawError: If one is missing, or the step is unfinished.
        """
        return self._existing([ledger_file(self.folder, index) for index in self._record().ledgers])

    def rows(self, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows one at a time; one part file is in memory."""
        for file in self.files():
            yield from pq.read_table(file, columns=columns).to_pylist()

    def __len__(self) -> int:
        return sum(pq.read_metadata(file).num_rows for file in self.files())

    def _record(self) -> StepRecord:
        record = read_record(self.folder)
        if record is None:
            raise LawError(f"{self.folder} does not say how many files it has; run again, which finishes this step")
        return record

    def _existing(self, files: list[Path]) -> list[Path]:
        require(self.folder, files)
        return files


@dataclass(frozen=True)
class StepReport:
    """A finished step: its counts and the seconds it took in this run.

    :param reasons: Why items were dropped, with their number; known where the step keeps an account.
    """

    step: Step
    counts: Counts | None
    seconds: float
    reasons: Mapping[str, int] = field(default_factory=dict)


def check_lineage(report: StepReport, earlier: Sequence[StepReport]) -> None:
    """Refuse a step that did not take in all rows that the step before it gave.

    The first input of a step is what its rows come from; a step that only decides, and keeps no account, is replaced
    by its own first input. A step of one split takes a part of a step of all splits, which is not compared.

    :raises LawError: Naming both steps and their numbers of rows.
    """
    before = _row_source(report, {one.step.fingerprint: one for one in earlier})
    if before is None or before.counts is None or report.counts is None:
        return
    same = before.step.split == report.step.split and before.step.unit_out == report.step.unit_in
    if same and before.counts.rows_out != report.counts.rows_in:
        raise LawError(
            f"{before.step.label} gave {before.counts.rows_out} rows and {report.step.label} took in "
            f"{report.counts.rows_in}; remove .work/steps in the output folder and run again"
        )


def _row_source(report: StepReport, earlier: Mapping[str, StepReport]) -> StepReport | None:
    step = report.step
    while step.inputs and (found := earlier.get(step.inputs[0])) is not None:
        if found.counts is not None:
            return found
        step = found.step
    return None
