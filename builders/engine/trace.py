"""The steps that a build finished, kept so that a build that ended early can be looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.step import StepReport
from nyxqa.builders.engine.workdir import step_folder
from nyxqa.schemas.files import read_json, write_bytes, write_json

_FILE = "trace.json"
_END = "end.json"
COSTS = "costs.json"


@dataclass(frozen=True)
class TracedStep:
    """A finished step.

    :param counts: None if the step keeps no account.
    """

    name: str
    split: str
    fingerprint: str
    unit_in: str
    unit_out: str
    counts: Counts | None
    seconds: float

    @classmethod
    def of(cls, report: StepReport) -> TracedStep:
        """The step of a report."""
        step = report.step
        return cls(step.name, step.split, step.fingerprint, step.unit_in, step.unit_out, report.counts, report.seconds)

    @property
    def stage(self) -> str:
        """Name of the stage the step belongs to."""
        return self.name.partition("/")[0]

    def folder(self, work: Path) -> Path:
        """Folder of the step's files below the work folder."""
        return step_folder(work, self.name, self.split, self.fingerprint)


def trace_line(report: StepReport) -> str:
    """A finished step as a line for ``write_trace``."""
    return json.dumps(asdict(TracedStep.of(report)), ensure_ascii=False)


def write_trace(work: Path, lines: Sequence[str]) -> None:
    """Keep the steps of the running build, given by ``trace_line``: the file is written again after each step."""
    write_bytes(work / _FILE, ("[" + ",\n".join(lines) + "]\n").encode("utf-8"))


def note_costs(work: Path, label: str, costs: Mapping[int, float]) -> None:
    """Keep the processor seconds of the shards of a step that this run made, by number."""
    file = work / COSTS
    known: dict[str, dict[str, float]] = read_json(file) if file.exists() else {}
    known[label] = {str(index): round(seconds, 4) for index, seconds in costs.items()}
    write_json(file, known)


def note_end(work: Path, reason: str) -> None:
    """Keep why the build ended; empty when one begins."""
    write_json(work / _END, {"reason": reason})


def read_trace(work: Path) -> tuple[list[TracedStep], str]:
    """The finished steps of the last build, in their order, and why it ended; empty if no build was started."""
    rows: list[dict[str, Any]] = read_json(work / _FILE) if (work / _FILE).is_file() else []
    ended: str = read_json(work / _END)["reason"] if (work / _END).is_file() else ""
    return [
        TracedStep(**{**row, "counts": None if row["counts"] is None else Counts(**row["counts"])}) for row in rows
    ], ended
