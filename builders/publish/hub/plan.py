"""What a push would send, known without the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.formatting import counted
from nyxqa.builders.publish.card import front_matter
from nyxqa.builders.publish.hub.files import PushFile
from nyxqa.builders.report.check_report import is_about, read_report
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import Manifest


@dataclass(frozen=True)
class Plan:
    """The whole of a push.

    :param size: Bytes of all files.
    :param licence: As the card tells the Hub.
    :param checks: What ``report.json`` says: ``passed``, ``not run``, ``failed: NAMES``, ``run on other data``.
    """

    files: int
    size: int
    licence: str
    checks: str

    def text(self) -> str:
        """For example ``would send 11 files, 4.7 MB, licence cc0-1.0; checks: not run``."""
        return (
            f"would send {counted(self.files, 'file')}, {self.size / 1e6:,.1f} MB, licence {self.licence}; "
            f"checks: {self.checks}\n"
        )


def plan_of(out: Path, manifest: Manifest, files: Sequence[PushFile]) -> Plan:
    """The plan to push ``files``, a card and ``croissant.json``.

    :param out: Folder of the dataset, with its report.
    """
    licence = front_matter(manifest)["license"]
    named = ", ".join(licence) if isinstance(licence, list) else str(licence)
    return Plan(len(files) + 2, sum(file.size for file in files), named, _checks(out))


def _checks(out: Path) -> str:
    try:
        report = read_report(out)
    except FormatError as error:
        return str(error)
    if report is None:
        return "not run"
    if not is_about(report, out):
        return "run on other data"
    if report.get("passed") is True:
        return "passed"
    names = [*map(str, report.get("failed", [])), *(f"{name} (not run)" for name in report.get("not_run", []))]
    return f"failed: {', '.join(names) or 'not named'}"
