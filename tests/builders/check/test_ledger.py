"""Ledgers and stage numbers that do not add up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nyxqa.builders.check.structure import check
from tests.support.restamp import restage, rewrite


def test_ledger_row_removed(dataset: Path) -> None:
    rewrite(dataset, "ledger", "rows", lambda rows: [row for row in rows if row["stage"] != "prefilter"])
    result = check(dataset)
    assert result.failed == ("ledger_dropped",)
    assert re.search("prefilter: [1-9][0-9]* items dropped, but 0 rows in the ledger", result.text())


@pytest.mark.parametrize("detail", ["x" * 501, "two\nlines", "see /home/someone/pages/a.html"])
def test_ledger_detail(dataset: Path, detail: str) -> None:
    rewrite(dataset, "ledger", "rows", lambda rows: rows[0].update(detail=detail))
    assert check(dataset).failed == ("ledger_detail",)


def test_ledger_of_a_stage_that_did_not_run(dataset: Path) -> None:
    rewrite(dataset, "ledger", "rows", lambda rows: rows[-1].update(stage="polish"))
    assert {"ledger_stages", "ledger_dropped"} <= set(check(dataset).failed)


def test_sums_that_do_not_add_up(dataset: Path) -> None:
    restage(dataset, "chunk", "", parents=1)
    assert check(dataset).failed == ("ledger_sums",)


def test_stage_that_reads_other_rows(dataset: Path) -> None:
    restage(dataset, "verify", "train", rows_in=1, parents=1)
    assert check(dataset).failed == ("stage_chain",)
