"""The results of checks: each named check is ok, failed, found something that is no failure, or was not run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from nyxqa.schemas.errors import LawError

EXAMPLES = 3

Status = Literal["ok", "failed", "found", "not run"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one named check.

    :param count: How many rows, files or pairs violate it.
    :param examples: The first few of them, one line each.
    :param reason: Why it was not run.
    :param note: What else was found, without bearing on the outcome.
    """

    name: str
    status: Status
    count: int = 0
    examples: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""

    def line(self) -> str:
        """The finding in one line."""
        if self.status == "failed":
            return f"FAILED {self.name}: {self.count}, such as {'; '.join(self.examples)}"
        if self.status == "found":
            return f"found {self.name}: {self.count} ({self.note}), such as {'; '.join(self.examples)}"
        if self.status == "not run":
            return f"not run {self.name}: {self.reason}"
        return f"ok {self.name} ({self.note})" if self.note else f"ok {self.name}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All findings, in the order of the checks.

    :param signal: The training signal in a line; "" if it was not measured.
    :param written: Names of the files that the check wrote.
    """

    findings: tuple[Finding, ...]
    signal: str = ""
    written: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(finding.name for finding in self.findings if finding.status == "failed")

    def finding(self, name: str) -> Finding | None:
        """The finding of one check, if it is among them."""
        return next((one for one in self.findings if one.name == name), None)

    @property
    def not_run(self) -> tuple[str, ...]:
        """Names of the checks that were not run."""
        return tuple(finding.name for finding in self.findings if finding.status == "not run")

    def text(self, verbose: bool = False) -> str:
        """A line for each check that failed or was not run, and what came out of all of them.

        :param verbose: Whether checks that hold have a line as well.
        """
        shown = [one for one in self.findings if verbose or one.status != "ok"]
        held = len(self.findings) - len(self.failed) - len(self.not_run)
        ending = f"{held} of {len(self.findings)} checks hold"
        ending += f", {len(self.not_run)} not run." if self.not_run else "."
        ending += f" {self.signal}." if self.signal else ""
        ending += f" Wrote {', '.join(self.written)}." if self.written else ""
        return "".join(f"{' '.join(line.split())}\n" for line in (*(one.line() for one in shown), ending))

    def json(self) -> str:
        """The findings as one JSON object."""
        value = {"failed": list(self.failed), "findings": [asdict(finding) for finding in self.findings]}
        return json.dumps(value, ensure_ascii=False, indent=1) + "\n"

    def raise_failed(self) -> None:
        """Raise if a check failed.

        :raises LawError: Naming the checks.
        """
        if self.failed:
            raise LawError(f"{len(self.failed)} of {len(self.findings)} checks failed: {', '.join(self.failed)}")


@dataclass
class Findings:
    """Collects findings: a check is started, may fail any number of times, or is skipped with a reason."""

    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, list[str]] = field(default_factory=dict)
    _skipped: dict[str, str] = field(default_factory=dict)
    _notes: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def begin(self, *names: str) -> None:
        """Record that these checks are run."""
        for name in names:
            self._counts.setdefault(name, 0)

    def fail(self, name: str, example: str, count: int = 1) -> None:
        """Record ``count`` failures of ``name`` with one example."""
        self._counts[name] = self._counts.get(name, 0) + count
        examples = self._examples.setdefault(name, [])
        if len(examples) < EXAMPLES:
            examples.append(example)

    def tell(self, name: str, example: str, count: int = 1) -> None:
        """Record ``count`` things that ``name`` found, none of which is a failure, with one example."""
        self._told.add(name)
        self.fail(name, example, count)

    def note(self, name: str, note: str) -> None:
        """Record what a check found that has no bearing on its outcome."""
        self._notes[name] = note

    def skip(self, reason: str, *names: str) -> None:
        """Record why these checks are not run."""
        for name in names:
            self._skipped[name] = reason

    def result(self, names: Sequence[str]) -> CheckResult:
        """The findings in the order of ``names``; a check that was never started counts as not run."""
        return CheckResult(tuple(self._finding(name) for name in names))

    def _finding(self, name: str) -> Finding:
        if count := self._counts.get(name, 0):
            status: Status = "found" if name in self._told else "failed"
            return Finding(name, status, count, tuple(self._examples[name]), note=self._notes.get(name, ""))
        if name in self._skipped:
            return Finding(name, "not run", reason=self._skipped[name])
        if name in self._counts:
            return Finding(name, "ok", note=self._notes.get(name, ""))
        return Finding(name, "not run", reason="the tables that it needs could not be read")
