"""That no row is lost between two steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nyxqa.builders.engine.step import StepReport
from nyxqa.schemas.errors import LawError


def check_lineage(report: StepReport, earlier: Sequence[StepReport]) -> None:
    """Refuse a step that did not take in all rows that the step before it gave.

    The first input of a step is what its rows come from; a step that only decides, and keeps no account, stands for its
    own first input. A step of one split takes a part of a step of all splits, which is not compared.

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
