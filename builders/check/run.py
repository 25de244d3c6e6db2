"""All structural checks of a dataset, in one run."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.check.files import FILE_CHECKS, check_files
from nyxqa.builders.check.findings import CheckResult, Findings
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import read_manifest

CHECKS = ("manifest", *FILE_CHECKS)


def check(out: Path) -> CheckResult:
    """Every structural check of the dataset in ``out``; none stops another that can still be run."""
    findings = Findings()
    findings.begin("manifest")
    try:
        manifest = read_manifest(out)
    except FormatError as error:
        findings.fail("manifest", str(error))
        findings.skip("the manifest cannot be read", *CHECKS[1:])
        return findings.result(CHECKS)
    examined = Examined(out, manifest, findings)
    check_files(examined)
    return findings.result(CHECKS)
