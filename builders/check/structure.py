"""All structural checks of a dataset, in the order in which they are run and reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nyxqa.builders.check.content import ROW_CHECKS, check_labels, check_rows
from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.check.feedback import FEEDBACK_CHECKS, check_feedback
from nyxqa.builders.check.files import FILE_CHECKS, ORDER_CHECKS, check_card, check_files, check_order
from nyxqa.builders.check.findings import CheckResult, Finding, Findings
from nyxqa.builders.check.images import IMAGE_CHECKS
from nyxqa.builders.check.ledger import LEDGER_CHECKS, check_ledger
from nyxqa.builders.check.negatives import NEGATIVE_CHECKS, check_negatives
from nyxqa.builders.check.preview import check_preview
from nyxqa.builders.check.probes import PROBE_CHECKS, check_probes
from nyxqa.builders.check.references import REFERENCE_CHECKS, check_references
from nyxqa.builders.check.secrets import LEAK_CHECKS, SECRETS, check_leaks, check_secrets
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.live import task
from nyxqa.schemas.manifest import read_manifest

# Each function with the names it reports under. A check of its own is a function and a line here; later checks may
# rely on what earlier ones found: which tables can be read, and the table ``content``.
_CHECKS: tuple[tuple[Callable[[CheckContext], None], tuple[str, ...]], ...] = (
    (check_files, FILE_CHECKS),
    (check_card, ("card_configs",)),
    (check_rows, ("nulls", *ROW_CHECKS, *IMAGE_CHECKS)),
    (check_preview, ("preview_rows",)),
    (check_order, ORDER_CHECKS),
    (check_ledger, LEDGER_CHECKS),
    (check_references, REFERENCE_CHECKS),
    (check_feedback, FEEDBACK_CHECKS),
    (check_negatives, NEGATIVE_CHECKS),
    (check_labels, ("label_balance",)),
    (check_probes, PROBE_CHECKS),
    (check_leaks, LEAK_CHECKS),
    (check_secrets, (SECRETS,)),
)
CHECKS = ("manifest", *(name for _, names in _CHECKS for name in names))


def check(out: Path) -> CheckResult:
    """Run every structural check on the dataset in ``out``; a failure stops only the checks that need what failed.

    :raises FormatError: If ``out`` is not a folder.
    """
    if not out.is_dir():
        raise FormatError(
            f"{out} is not a folder; build a dataset with: python -m nyxqa.build --split train --out {out}"
        )
    findings = Findings()
    findings.begin("manifest")
    try:
        manifest = read_manifest(out)
    except FormatError as error:
        findings.fail("manifest", str(error))
        findings.skip("the manifest cannot be read", *CHECKS[1:])
        return findings.result(CHECKS)
    with CheckContext(out, manifest, findings) as context, task("check", len(_CHECKS), "group") as bar:
        for run_check, _ in _CHECKS:
            bar.note(run_check.__name__.removeprefix("check_"))
            run_check(context)
            bar.advance()
    return findings.result(CHECKS)


def look_for_secrets(out: Path) -> Finding | None:
    """What the check of secrets alone finds in the dataset in ``out``; None if it finds nothing.

    :raises FormatError: If the dataset cannot be read.
    """
    findings = Findings()
    with CheckContext(out, read_manifest(out), findings) as context:
        check_secrets(context)
    finding = findings.result((SECRETS,)).findings[0]
    return finding if finding.status == "found" else None
