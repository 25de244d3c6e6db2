"""What must hold before a dataset is pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
