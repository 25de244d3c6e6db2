"""What must hold before a dataset leaves the house."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nyxqa.builders.check.report_file import REPORT, is_about, read_report
from nyxqa.schemas.errors import FormatError, LawError, UsageError
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.manifest import MANIFEST, Manifest

ImagesAs = Literal["bytes", "urls"]


def refuse_unfit(out: Path) -> None:
    """Hold the dataset against all structural checks and its report.

    :raises LawError: If a check fails, or no passed report speaks of these bytes.
    """
    from nyxqa.builders.check.structure import check

    try:
        check(out).raise_failed()
    except LawError as error:
        raise LawError(f"{out} is not pushed: {error}; see: nyxqa check {out}, or push with --force") from error
    refuse_unproven(out)


def refuse_unproven(out: Path) -> None:
    """Look for the report on these bytes.

    :raises LawError: If there is none, it did not pass, or it is of other bytes.
    """
    make = f"make one with: nyxqa check {out}, or push with --force"
    try:
        report = read_report(out)
    except FormatError as error:
        raise LawError(f"{out} is not pushed: {error}; {make}") from error
    if report is None:
        raise LawError(f"{out} is not pushed: it has no {REPORT}; {make}")
    if report.get("passed") is not True:
        raise LawError(f"{out} is not pushed: {out / REPORT} does not say that it passed; {make}")
    if not is_about(report, out):
        raise LawError(f"{out} is not pushed: {out / REPORT} is about other bytes than {MANIFEST} lists now; {make}")


def choose_images(out: Path, manifest: Manifest, asked: ImagesAs | None) -> ImagesAs:
    """How images are published: as bytes unless their licence is unknown, or as said.

    :raises UsageError: If nothing was said and a source of images has no known licence.
    """
    if asked is not None:
        return asked
    sources = unlicensed_sources(out, manifest)
    if sources:
        raise UsageError(
            f"images of source {', '.join(sources)} have no known licence: say --images urls to publish their "
            "addresses only, or --images bytes if you may pass them on"
        )
    return "bytes"


def unlicensed_sources(out: Path, manifest: Manifest) -> list[str]:
    """Sources with images in documents without a licence."""
    from nyxqa.builders.engine.database import database
    from nyxqa.builders.engine.workdir import scratch_folder
    from nyxqa.builders.report.views import add_views

    query = """SELECT DISTINCT source FROM corpus WHERE len(image_ids) > 0
               AND (license IS NULL OR trim(license) = '' OR lower(license) = 'unknown') ORDER BY source"""
    with database(scratch_folder(out)) as db:
        add_views(db, Published(out, manifest))
        return [str(row[0]) for row in db.execute(query).fetchall()]
