"""All structural checks of a dataset, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.check.card import check_card
from nyxqa.builders.check.content import ROW_CHECKS, check_rows
from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.check.feedback import FEEDBACK_CHECKS, feedback_checks
from nyxqa.builders.check.files import FILE_CHECKS, check_files
from nyxqa.builders.check.findings import CheckResult, Findings
from nyxqa.builders.check.images import PICTURE_CHECKS, Pictures
from nyxqa.builders.check.labels import check_labels
from nyxqa.builders.check.leaks import LEAK_CHECKS, check_leaks
from nyxqa.builders.check.ledger import LEDGER_CHECKS, check_ledger
from nyxqa.builders.check.negatives import NEGATIVES, excluded_negatives
from nyxqa.builders.check.order import ORDER_CHECKS, check_order
from nyxqa.builders.check.preview import check_preview
from nyxqa.builders.check.references import REFERENCES
from nyxqa.builders.check.sql import run_sql_checks
from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.report.views import add_views
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.manifest import read_manifest

if TYPE_CHECKING:
    import duckdb

CHECKS = (
    "manifest",
    *FILE_CHECKS,
    "card_configs",
    "nulls",
    *ROW_CHECKS,
    *PICTURE_CHECKS,
    "preview_rows",
    *ORDER_CHECKS,
    *LEDGER_CHECKS,
    *(check.name for check in REFERENCES),
    *FEEDBACK_CHECKS,
    *(check.name for check in NEGATIVES),
    "negative_equals_positive",
    "negative_of_own_page",
    "negative_of_own_cluster",
    "label_balance",
    *LEAK_CHECKS,
)


def check(out: Path) -> CheckResult:
    """Every structural check of the dataset in ``out``; none stops another that can still be run.

    :raises FormatError: If ``out`` is no folder.
    """
    if not out.is_dir():
        raise FormatError(f"{out} is no folder; build a dataset with: python -m nyxqa.build --split train --out {out}")
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
    check_card(examined)
    with database(scratch_folder(out)) as db:
        add_views(db, examined.published())
        _check_tables(db, examined)
    check_leaks(examined)
    return findings.result(CHECKS)


def _check_tables(db: duckdb.DuckDBPyConnection, examined: Examined) -> None:
    pictures = Pictures(examined.findings, examined.manifest.versions, examined.by_address)
    check_rows(db, examined, pictures)
    pictures.tell_addresses()
    check_preview(db, examined)
    check_order(db, examined)
    check_ledger(db, examined)
    run_sql_checks(db, examined, (*REFERENCES, *feedback_checks(examined.manifest.recipe)))
    exclusions, not_asked = excluded_negatives(examined.manifest.recipe)
    run_sql_checks(db, examined, (*NEGATIVES, *exclusions))
    examined.findings.skip("the recipe does not exclude such negatives", *not_asked)
    check_labels(db, examined)
