"""The whole check: the structure of a dataset, then whether it teaches; ``report.json`` says what came of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nyxqa.builders.check.findings import CheckResult, Finding
from nyxqa.builders.check.report_file import write_report
from nyxqa.builders.check.structure import check
from nyxqa.builders.check.training_signal import JUDGED, TEACHES, Lesson, NotTaughtError, teach
from nyxqa.retriever.training.plot import Panel, plot
from nyxqa.schemas.errors import FormatError, LawError, MissingExtraError
from nyxqa.schemas.manifest import MANIFEST, read_manifest
from nyxqa.schemas.version import VERSION

PICTURE = "report.png"
# Checks whose failure leaves nothing to train on, or nothing that may be opened.
_NEEDED = ("manifest", "files_missing", "files_extra", "files_named", "files_rows", "files_schema", "files_format")


def check_all(out: Path) -> CheckResult:
    """Every check of the dataset in ``out``; writes ``report.json`` and a picture of the training into it.

    Without the extra that training needs, whether it teaches is not run and the report has not passed.

    :raises FormatError: If ``out`` is no folder.
    """
    structure = check(out)
    finding, lesson = _taught(out, structure)
    result = CheckResult((*structure.findings, finding))
    if (out / MANIFEST).is_file():
        write_report(out, _said(result, lesson))
    if lesson is not None:
        plot(out / PICTURE, _panels(lesson))
    return result


def _taught(out: Path, structure: CheckResult) -> tuple[Finding, Lesson | None]:
    if broken := [name for name in structure.failed if name in _NEEDED]:
        return Finding(TEACHES, "not run", reason=f"{broken[0]} failed"), None
    try:
        lesson = teach(out, read_manifest(out))
    except (NotTaughtError, LawError, FormatError, MissingExtraError) as error:
        return Finding(TEACHES, "not run", reason=str(error)), None
    if lesson.passed:
        return Finding(TEACHES, "ok"), lesson
    return Finding(TEACHES, "failed", lesson.questions, (lesson.told(),)), lesson


def _said(result: CheckResult, lesson: Lesson | None) -> dict[str, Any]:
    """What publishing asks for, whether it has passed, and why not."""
    return {
        "passed": not result.failed and TEACHES not in result.not_run,
        "nyxqa": VERSION,
        "failed": list(result.failed),
        "not_run": list(result.not_run),
        "findings": [asdict(finding) for finding in result.findings],
        "teaches": None if lesson is None else lesson.as_dict(),
    }


def _panels(lesson: Lesson) -> list[Panel]:
    """Loss by step and what is judged by epoch, of the first fold; BM25 as a level."""
    losses = {arm: [(step, loss) for step, loss in enumerate(values, 1)] for arm, values in lesson.losses.items()}
    learned = {arm: [(epoch, value) for epoch, value in enumerate(values)] for arm, values in lesson.learned.items()}
    level = {"bm25, all folds": lesson.means["bm25"][JUDGED]}
    return [
        Panel("loss of the first fold", losses, {}),
        Panel(f"{JUDGED} on its unseen questions", learned, level, "epoch"),
    ]
