"""What DuckDB may use, and what is said when that does not do."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from nyxqa.builders.engine.database import clear_scratch, database
from nyxqa.builders.engine.limits import Limits, current, limited
from nyxqa.schemas.errors import UsageError, WorldError

# Needs some 40 MB: more than the limits of the tests, so that it spills.
SORT = "CREATE TABLE sorted AS SELECT hash(range)::VARCHAR || repeat('x', 40) AS h FROM range(400000) ORDER BY h"


def test_databases_keep_to_the_limits_of_the_build(tmp_path: Path) -> None:
    spill = tmp_path / "made" / "spill"
    asked = "SELECT current_setting('threads'), current_setting('memory_limit'), current_setting('temp_directory')"
    with limited(Limits("200MiB", 1, "1GiB", spill)), database(tmp_path) as db:
        threads, memory, folder = db.execute(asked).fetchall()[0]
        assert (threads, memory) == (1, "200.0 MiB")
        assert Path(folder).parent == spill
        assert db.execute("SELECT current_setting('max_temp_directory_size')").fetchall() == [("1.0 GiB",)]
    assert list(spill.iterdir()) == []
    assert current() == Limits()


def test_a_full_spill_space_says_what_was_allowed_and_which_limit_to_raise(tmp_path: Path) -> None:
    wanted = r"spill space in .*, 1MB: raise the limit spill \(duckdb.spill in a recipe\), .* run again"
    with limited(Limits("30MB", 1, "1MB")), pytest.raises(WorldError, match=wanted) as found, database(tmp_path) as db:
        db.execute(SORT)
    assert "\n" not in str(found.value)
    assert list(tmp_path.iterdir()) == []
    with limited(Limits("30MB", 1, "1GB")), database(tmp_path) as db:
        db.execute(SORT)
        assert db.execute("SELECT count(*) FROM sorted").fetchall() == [(400_000,)]


def test_too_little_memory_says_what_was_allowed_and_which_limit_to_raise(tmp_path: Path) -> None:
    wanted = r"more memory than the 10MB it may use: raise the limit memory \(duckdb.memory in a recipe\)"
    with limited(Limits("10MB", 1)), pytest.raises(WorldError, match=wanted) as found, database(tmp_path) as db:
        db.execute("SELECT list(range) FROM range(10000000)").fetchall()
    assert "\n" not in str(found.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [duckdb.IOException, duckdb.TransactionException])
def test_a_full_disk_names_the_folders_and_what_to_do(kind: type[duckdb.Error], tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    wanted = f"the disk is full where DuckDB worked, in {tmp_path}/.* or {spill}; free some space"
    with limited(Limits(folder=spill)), pytest.raises(WorldError, match=wanted), database(tmp_path):
        raise kind("Failed to commit:\nNo space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["spill"]


def test_what_is_no_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for limits, error, wanted in (
        (Limits("much"), UsageError, "does not accept memory_limit = 'much'"),
        (Limits(folder=tmp_path / "file" / "spill"), WorldError, "file/spill cannot be created"),
    ):
        with limited(limits), pytest.raises(error, match=wanted), database(tmp_path):
            pytest.fail("opened")


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    with database(tmp_path):
        (tmp_path / "part-000000.parquet").write_text("")
        clear_scratch(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["part-000000.parquet"]
