"""DuckDB instances serve one database after the other, and nothing of one reaches the next."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import duckdb
import pytest

from nyxqa.builders.engine import instances
from nyxqa.builders.engine.database import arrow_batches, database
from nyxqa.builders.engine.limits import Limits, limited

SORT = "CREATE TABLE sorted AS SELECT hash(range)::VARCHAR || repeat('x', 40) AS h FROM range(400000) ORDER BY h"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[duckdb.DuckDBPyConnection]:
    """Instances started from now on; none waits."""
    made: list[duckdb.DuckDBPyConnection] = []
    real = duckdb.connect

    def connect() -> duckdb.DuckDBPyConnection:
        made.append(real())
        return made[-1]

    monkeypatch.setattr(duckdb, "connect", connect)
    monkeypatch.setattr(instances, "_IDLE", [])
    return made


def test_databases_one_after_the_other_share_an_instance_and_nothing_else(
    started: list[duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    with limited(Limits("200MiB", 1, "1GiB")), database(tmp_path) as db:
        db.execute("CREATE TABLE t AS SELECT 1 AS n")
        db.execute("CREATE TEMP TABLE u AS SELECT 1 AS n")
        db.execute("SET VARIABLE v = 1")
    with database(tmp_path) as db:
        asked = "SELECT current_setting('threads'), current_setting('memory_limit'), getvariable('v')"
        assert db.execute(asked).fetchall() == [(2, "953.6 MiB", None)]
        assert db.execute("SELECT current_setting('max_temp_directory_size')").fetchall() != [("1.0 GiB",)]
        assert db.execute("SELECT table_name FROM duckdb_tables()").fetchall() == []
    assert len(started) == 1


def test_databases_at_the_same_time_have_their_own(started: list[duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    with limited(Limits("200MiB")), database(tmp_path) as outer:
        with limited(Limits("100MiB")), database(tmp_path) as inner:
            assert inner.execute("SELECT current_setting('memory_limit')").fetchall() == [("100.0 MiB",)]
        assert outer.execute("SELECT current_setting('memory_limit')").fetchall() == [("200.0 MiB",)]
    assert len(started) == 2
    assert len(instances._IDLE) == 1


def test_one_that_spilled_is_not_used_again(started: list[duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    for _ in range(2):
        with limited(Limits("30MB", 1)), database(tmp_path) as db:
            db.execute(SORT)
    assert len(started) == 2
    assert list(tmp_path.iterdir()) == []


def test_one_that_failed_is_not_used_again(started: list[duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    with pytest.raises(duckdb.BinderException), database(tmp_path) as db:
        db.execute("SELECT nothing")
    with database(tmp_path) as db:
        db.execute("SELECT 1")
    assert len(started) == 2


def test_an_unfinished_reader_does_not_hold_the_next_database(
    started: list[duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    with database(tmp_path) as db:
        db.execute("CREATE TABLE t AS SELECT range AS n FROM range(100000)")
        reader = arrow_batches(db, "SELECT n FROM t ORDER BY n", 10)
        assert next(reader)["n"].to_pylist() == list(range(10))
    with database(tmp_path) as db:
        assert db.execute("SELECT table_name FROM duckdb_tables()").fetchall() == []
    del reader
    assert list(tmp_path.iterdir()) == []


def _count(folder: Path) -> None:
    with database(folder) as db:
        db.execute(SORT)
        assert db.execute("SELECT count(*) FROM sorted").fetchall() == [(400_000,)]


def test_a_forked_child_starts_its_own(started: list[duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    """The threads of the parent's instance do not exist in the child, which would wait for them forever."""
    with database(tmp_path) as db:
        db.execute("SELECT 1")
    assert len(instances._IDLE) == 1
    child = multiprocessing.get_context("fork").Process(target=_count, args=(tmp_path,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    _count(tmp_path)
