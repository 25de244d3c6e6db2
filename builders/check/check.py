"""The full check: the structure of a dataset, then its training signal; the result goes into ``report.json``."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.check.findings import CheckResult, Finding
from nyxqa.builders.check.structure import check
from nyxqa.builders.check.training_signal import METRIC, NotMeasuredError, TrainingSignal, measure_training_signal
from nyxqa.builders.report.check_report import REPORT, TRAINING_SIGNAL, write_report
from nyxqa.builders.report.page import PAGE, refresh_page
from nyxqa.retriever.training.metrics import Panel, plot
from nyxqa.schemas.errors import FormatError, LawError, MissingExtraError
from nyxqa.schemas.manifest import MANIFEST, read_manifest
from nyxqa.schemas.version import VERSION

PICTURE = "report.png"
# Checks whose failure leaves nothing to train on, or nothing that may be opened.
_REQUIRED = ("manifest", "files_missing", "files_extra", "files_named", "files_rows", "files_schema", "files_format")


def check_all(out: Path) -> CheckResult:
    """Run every check on the dataset in ``out``; writes ``report.json`` and a plot of the training into it.

    Without the extra that training needs, ``training_signal`` is not run and the report does not pass.

    :raises FormatError: If ``out`` is not a folder.
    """
    structure = check(out)
    finding, signal = _signal_finding(out, structure)
    result = CheckResult((*structure.findings, finding), "" if signal is None else signal.line())
    written = []
    if (out / MANIFEST).is_file():
        write_report(out, _report(result, signal))
        written.append(REPORT)
        if not set(structure.failed).intersection(_REQUIRED) and not refresh_page(out):
            written.append(PAGE)
    if signal is not None and plot(out / PICTURE, _panels(signal)):
        written.append(PICTURE)
    return replace(result, written=tuple(written))


def _signal_finding(out: Path, structure: CheckResult) -> tuple[Finding, TrainingSignal | None]:
    if broken := [name for name in structure.failed if name in _REQUIRED]:
        return Finding(TRAINING_SIGNAL, "not run", reason=f"{broken[0]} failed"), None
    try:
        signal = measure_training_signal(out, read_manifest(out))
    except (NotMeasuredError, LawError, FormatError, MissingExtraError) as error:
        return Finding(TRAINING_SIGNAL, "not run", reason=str(error)), None
    if signal.passed:
        return Finding(TRAINING_SIGNAL, "ok", note=signal.note), signal
    return Finding(TRAINING_SIGNAL, "failed", signal.questions, (signal.summary(),)), signal


def _report(result: CheckResult, signal: TrainingSignal | None) -> dict[str, Any]:
    """What publishing reads: whether the dataset passed, and why not."""
    return {
        "passed": not result.failed and TRAINING_SIGNAL not in result.not_run,
        "nyxqa": VERSION,
        "failed": list(result.failed),
        "not_run": list(result.not_run),
        "findings": [asdict(finding) for finding in result.findings],
        TRAINING_SIGNAL: None if signal is None else signal.as_dict(),
    }


def _panels(signal: TrainingSignal) -> list[Panel]:
    """Loss by step and ``METRIC`` by epoch, both of the first fold, with BM25 as a horizontal line."""
    losses = {arm: [(step, loss) for step, loss in enumerate(values, 1)] for arm, values in signal.losses.items()}
    learned = {arm: [(epoch, value) for epoch, value in enumerate(values)] for arm, values in signal.learned.items()}
    level = {"bm25, all folds": signal.means["bm25"][METRIC]}
    return [
        Panel("loss of the first fold", losses, {}),
        Panel(f"{METRIC} on its held-out questions", learned, level, "epoch"),
    ]
