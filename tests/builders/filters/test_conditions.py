"""Conditions that do not end."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nyxqa.builders.filters import conditions
from nyxqa.builders.filters.conditions import check_conditions, first_failed
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Filters
from nyxqa.schemas.tables import QA

ENDLESS = "(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t) > 0"


def test_a_condition_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "SECONDS", 0.2)
    with pytest.raises(UsageError, match=r"filters\.corpus: .*RECURSIVE.* takes more than 0\.2 seconds"):
        first_failed(pa.table({"text": ["a", "b"]}), [ENDLESS], "filters.corpus")
    with pytest.raises(UsageError, match=r"filters\.qa: .*RECURSIVE.* takes more than 0\.2 seconds"):
        check_conditions(Filters(qa=[ENDLESS]), QA.schema)


@pytest.mark.parametrize(
    "condition",
    ["(SELECT count(*) FROM read_text('/etc/hostname')) > 0", "getenv('HOME') = ''", "1) ; SET threads = 1; SELECT (1"],
)
def test_a_condition_reads_nothing_but_its_row(condition: str) -> None:
    with pytest.raises(UsageError):
        first_failed(pa.table({"text": ["a"]}), [condition], "filters.corpus")
