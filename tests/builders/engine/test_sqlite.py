from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nyxqa.builders.engine.sqlite import open_store, transact
from nyxqa.schemas.errors import WorldError

TABLES = "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value INTEGER NOT NULL);"
INSERT = "INSERT INTO kept VALUES (?, ?)"


def test_all_statements_of_a_transaction_happen_or_none(tmp_path: Path) -> None:
    db = open_store(tmp_path / "made" / "store.sqlite", TABLES, 1.0)
    transact(db, "a value", (INSERT, ("a", 1)), (INSERT, ("b", 2)))
    with pytest.raises(WorldError, match=r"cannot store a value: UNIQUE .*; free disk space"):
        transact(db, "a value", (INSERT, ("c", 3)), (INSERT, ("a", 4)))
    transact(db, "a value", (INSERT, ("d", 5)))  # the failed one is over
    db.close()
    again = open_store(tmp_path / "made" / "store.sqlite", TABLES, 1.0)
    assert again.execute("SELECT * FROM kept ORDER BY key").fetchall() == [("a", 1), ("b", 2), ("d", 5)]


def test_an_exclusive_store_has_one_owner(tmp_path: Path) -> None:
    owner = open_store(tmp_path / "store.sqlite", TABLES, 1.0, exclusive=True)
    transact(owner, "a value", (INSERT, ("a", 1)))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        open_store(tmp_path / "store.sqlite", TABLES, 0.01, exclusive=True)
    owner.close()
    open_store(tmp_path / "store.sqlite", TABLES, 1.0, exclusive=True).close()
