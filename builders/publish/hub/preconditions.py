"""What must hold before a dataset is pushed, and what a push would send, known without the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nyxqa.builders.formatting import counted
from nyxqa.builders.publish.card import front_matter
from nyxqa.builders.publish.hub.files import PushFile
from nyxqa.builders.report.check_report import REPORT, is_about, read_report
from nyxqa.schemas.errors import FormatError, LawError, UsageError
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.manifest import MANIFEST, Manifest

ImagesAs = Literal["bytes", "urls"]


def require_fit(out: Path) -> None:
    """Run all structural checks on the dataset and look for a passed report.

    :raises LawError: If a check fails, or there is no passed report on these bytes.
    """
    from nyxqa.builders.check.structure import check

    try:
        check(out).raise_failed()
    except LawError as error:
        raise LawError(f"{out} is not pushed: {error}; see: nyxqa check {out}, or push with --force") from error
    require_passed_report(out)


def require_clean(out: Path) -> None:
    """Look for secrets and personal data in the dataset.

    :raises LawError: If there are any.
    """
    from nyxqa.builders.check.structure import look_for_secrets

    if (found := look_for_secrets(out)) is not None:
        raise LawError(
            f"{out} is not pushed: {found.count} findings of secrets or personal data ({found.note}), such as "
            f"{found.examples[0]}; build with filters.secrets = 'mask' or 'drop', or push with --accept-findings"
        )


def require_passed_report(out: Path) -> None:
    """Look for a passed report on these bytes.

    :raises LawError: If it is missing, did not pass, or is about other bytes.
    """
    advice = f"make one with: nyxqa check {out}, or push with --force"
    try:
        report = read_report(out)
    except FormatError as error:
        raise LawError(f"{out} is not pushed: {error}; {advice}") from error
    if report is None:
        raise LawError(f"{out} is not pushed: it has no {REPORT}; {advice}")
    if report.get("passed") is not True:
        raise LawError(f"{out} is not pushed: {out / REPORT} does not say that it passed; {advice}")
    if not is_about(report, out):
        raise LawError(f"{out} is not pushed: {out / REPORT} is about other bytes than {MANIFEST} lists now; {advice}")


def choose_images(out: Path, manifest: Manifest, asked: ImagesAs | None) -> ImagesAs:
    """How images are published: as asked, else as bytes if their licences are known.

    :raises UsageError: If nothing was asked and a source of images has no known licence.
    """
    if asked is not None:
        return asked
    sources = unlicensed_sources(out, manifest)
    if sources:
        raise UsageError(
            f"images of source {', '.join(sources)} have no known licence: give --images urls to publish "
            "only their URLs, or --images bytes if you may redistribute them"
        )
    return "bytes"


def unlicensed_sources(out: Path, manifest: Manifest) -> list[str]:
    """Sources of documents that have images but no known licence, sorted."""
    from nyxqa.builders.engine.database import database
    from nyxqa.builders.engine.workdir import scratch_folder
    from nyxqa.builders.report.views import add_views

    query = """SELECT DISTINCT source FROM corpus WHERE len(image_ids) > 0
               AND (license IS NULL OR trim(license) = '' OR lower(license) = 'unknown') ORDER BY source"""
    with database(scratch_folder(out)) as db:
        add_views(db, Published(out, manifest))
        return [str(row[0]) for row in db.execute(query).fetchall()]


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
