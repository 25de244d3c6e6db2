from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.database import append, arrow, arrow_rows, database, shard_tables
from nyxqa.schemas.sql import file_list

ODD = "it's [an] {odd} *folder"


def test_a_database_leaves_nothing_behind_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    file = folder / "part[0]*.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3]}), file)
    with database(folder) as db:
        db.execute(f"CREATE VIEW t AS FROM read_parquet({file_list([file])})")
        assert arrow(db, "SELECT n FROM t WHERE n > $n ORDER BY n", {"n": 1}).to_pydict() == {"n": [2, 3]}
        assert db.execute("SELECT current_setting('temp_directory')").fetchall()[0][0].startswith(str(folder))
    assert list(folder.iterdir()) == [file]


def test_rows_are_streamed_while_the_database_answers_other_queries(tmp_path: Path) -> None:
    with database(tmp_path) as db:
        db.execute("CREATE TABLE t AS SELECT range AS n FROM range(10)")
        found = []
        for row in arrow_rows(db, "SELECT n FROM t ORDER BY n DESC", 3):
            found.append(row["n"])
            db.execute("SELECT count(*) FROM t").fetchall()
        assert found == list(range(9, -1, -1))


@pytest.mark.filterwarnings("error")
def test_reading_results_warns_of_nothing(tmp_path: Path) -> None:
    with database(tmp_path) as db:
        assert arrow(db, "SELECT 1 AS a").to_pydict() == {"a": [1]}
        assert list(arrow_rows(db, "SELECT 1 AS a", 1)) == [{"a": 1}]


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(duckdb.BinderException), database(tmp_path) as db:
        db.execute("SELECT nothing")


@pytest.mark.parametrize("batch", [1, 2, 1000])
@pytest.mark.parametrize("shards", [[], [0], [4], [0, 0, 2, 2, 2, 5], [0, 1, 1, 3, 4, 5, 6, 6]])
def test_rows_come_as_a_table_a_shard(shards: list[int], batch: int, tmp_path: Path) -> None:
    with database(tmp_path) as db:
        db.execute("CREATE TABLE found (shard BIGINT, row BIGINT)")
        for row, shard in enumerate(shards):
            db.execute("INSERT INTO found VALUES ($shard, $row)", {"shard": shard, "row": row})
        tables = list(shard_tables(db, "SELECT * FROM found ORDER BY shard, row", 7, batch))
    assert [table["row"].to_pylist() for table in tables] == [
        [row for row, own in enumerate(shards) if own == shard] for shard in range(7)
    ]


def test_appended_rows_are_let_go_before_the_transaction_ends(tmp_path: Path) -> None:
    size = 1 << 16
    with database(tmp_path) as db:
        db.execute("CREATE TABLE number (x BIGINT)")
        before = pa.total_allocated_bytes()
        db.begin()
        for start in range(0, 20 * size, size):
            append(db, "number", pa.table({"x": pa.array(range(start, start + size))}))
        assert pa.total_allocated_bytes() - before < 3 * 8 * size
        db.commit()
        assert db.execute("SELECT count(*), sum(x) FROM number").fetchone() == (
            20 * size,
            20 * size * (20 * size - 1) // 2,
        )
