from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.assembly.ledger import tally
from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.database import database
from nyxqa.schemas.errors import LawError

ROWS = "('train', 'a', NULL), ('train', 'b', 'filter'), ('train', 'c', NULL), ('test', 'a', NULL)"


def test_rows_of_a_split_are_published_or_have_a_reason(tmp_path: Path) -> None:
    with database(tmp_path) as db:
        db.execute(f"CREATE TABLE asked AS SELECT * FROM (VALUES {ROWS}) AS t(split, name, reason)")
        assert tally(db, "asked", "name", "train") == Counts(3, 2, 1, 0, 2)
        assert tally(db, "asked", "name", "validation") == Counts()
        db.execute("INSERT INTO asked VALUES ('train', 'b', NULL)")
        with pytest.raises(LawError, match="assemble train: the ledger does not add up: 1 of 4 items named twice"):
            tally(db, "asked", "name", "train")
