"""SQL over the tables of a folder."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.report.views import Query, connect, run_sql
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.loading.arrow_layouts import without_images
from nyxqa.schemas.tables import TABLES
from tests.support.tiny_dataset import TinyDataset, tiny_dataset


@pytest.fixture(scope="module")
def tiny() -> TinyDataset:
    return tiny_dataset(full=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, tiny: TinyDataset) -> Path:
    folder = tmp_path_factory.mktemp("out [1] it's *")  # what a pattern or a quote would trip over
    tiny.write(folder)
    return folder


def _columns(name: str) -> list[str]:
    kept = [column.name for column in TABLES[name].schema if without_images(column.type) is not None]
    added = "pool" if name == "corpus" else "split"
    return kept if added in kept else [*kept, added]


@pytest.mark.parametrize("name", list(TABLES))
def test_a_view_holds_every_row_and_no_image(root: Path, tiny: TinyDataset, name: str) -> None:
    view = run_sql(root, f'FROM "{name}"')
    assert view.schema.names == _columns(name)
    assert view.num_rows == sum(len(rows) for rows in tiny.tables[name].values())
    assert not any(re.search(r"binary|\bimages\b", str(column.type)) for column in view.schema)


def test_splits_are_told_apart(root: Path) -> None:
    counts = run_sql(root, "SELECT split, count(*) AS n FROM triplets GROUP BY split ORDER BY split").to_pylist()
    assert counts == [{"split": "test", "n": 3}, {"split": "train", "n": 5}, {"split": "validation", "n": 3}]
    pools = run_sql(root, "SELECT pool, split, count(*) AS n FROM corpus GROUP BY ALL ORDER BY ALL").to_pylist()
    assert [tuple(row.values()) for row in pools] == [
        ("web", "test", 5),
        ("web", "train", 5),
        ("web", "validation", 5),
        ("wiki", "", 5),
    ]


def test_pairs_have_a_row_for_each_query_and_document(root: Path, tiny: TinyDataset) -> None:
    expected = []
    for split, rows in tiny.tables["triplets"].items():
        for row in rows:
            head = (row["query_id"], row["dataset"], split, row["pool"])
            expected += [(*head, one["doc_id"], "positive", one["rank"], one["score"]) for one in row["positives"]]
            negatives = zip(row["negative_ids"], row["negative_ranks"], row["negative_scores"], strict=True)
            expected += [(*head, doc_id, "negative", rank, score) for doc_id, rank, score in negatives]
    table = run_sql(root, "FROM pairs")
    assert table.schema.names == ["query_id", "dataset", "split", "pool", "doc_id", "role", "rank", "score"]
    assert sorted(map(repr, (tuple(row.values()) for row in table.to_pylist()))) == sorted(map(repr, expected))
    assert run_sql(root, "SELECT count(*) AS n FROM pairs WHERE role = 'negative'").to_pylist()[0]["n"] > 0


def test_tables_join(root: Path, tiny: TinyDataset) -> None:
    joined = run_sql(
        root,
        "SELECT t.query_id, c.text FROM triplets t JOIN corpus c ON c.doc_id = t.positive_id AND c.pool = t.pool "
        "WHERE t.split = 'train' ORDER BY t.dataset, t.query_id",
    )
    expected = [tiny.document(row["positive_id"])["text"] for row in tiny.rows("triplets", "train")]
    assert joined.column("text").to_pylist() == expected


def test_contents_of_the_preview_keep_their_text(root: Path, tiny: TinyDataset) -> None:
    read = run_sql(root, "SELECT query, negative_2 FROM preview").to_pylist()
    for row, written in zip(read, tiny.rows("preview", "train"), strict=True):
        assert row == {"query": written["query"], "negative_2": written["negative_2"]}


def test_a_table_without_files_has_its_columns_and_no_rows(tmp_path: Path) -> None:
    TinyDataset().write(tmp_path)
    for name in TABLES:
        view = run_sql(tmp_path, f'FROM "{name}"')
        assert (view.num_rows, view.schema.names) == (0, _columns(name))
    assert run_sql(tmp_path, "SELECT list_sum(negative_ranks) FROM triplets").num_rows == 0


def test_a_bad_query_is_one_line_of_what_is_wrong(root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run_sql(root, "SELECT nonsense FROM triplets")
    assert re.match(r'the query failed: Binder Error: .*"?nonsense"?', str(caught.value))
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="Parser Error"):
        run_sql(root, "SELEC 1")


def test_a_statement_without_an_answer_gives_no_rows(root: Path) -> None:
    assert run_sql(root, "CREATE TABLE scratch (i INTEGER)", Query(unlocked=True)).num_rows == 0


@pytest.mark.parametrize(
    "query",
    [
        "COPY (FROM qa) TO '{out}/stolen.csv'",
        "ATTACH '{out}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "RESET threads",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "CREATE TABLE mine (i INTEGER)",
        "CREATE VIEW mine AS FROM qa",
        "EXPORT DATABASE '{out}'",
        "EXPLAIN ANALYZE FROM qa",
        "BEGIN; SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (FROM qa) TO '{out}/stolen.csv'",
        "",
        "-- nothing",
        "FROM read_text('{out}/secret.csv')",
        "FROM '{out}/secret.csv'",
        "FROM read_csv('{out}/secret.csv')",
        "FROM read_parquet('{out}/secret.parquet')",
        "FROM glob('{out}/*')",
        "FROM sniff_csv('{out}/secret.csv')",
        "FROM parquet_metadata('{out}/secret.parquet')",
        "FROM query('FROM read_text(''{out}/secret.csv'')')",
        "FROM read_csv('https://example.org/data.csv')",
        "FROM duckdb_secrets()",
        "WITH t AS (FROM read_text('{out}/secret.csv')) FROM t",
        "SELECT (SELECT content FROM read_text('{out}/secret.csv')) FROM qa",
    ],
)
def test_a_query_is_one_select_over_this_dataset(root: Path, tmp_path: Path, query: str) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "secret.parquet")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError) as refused:
        run_sql(root, query.format(out=str(tmp_path).replace("'", "''")))
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before


def test_an_unlocked_query_may_read_files(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    query = f"SELECT a FROM '{tmp_path}/mine.csv' WHERE (SELECT count(*) FROM qa) > 0"
    assert run_sql(root, query, Query(unlocked=True)).to_pylist() == [{"a": 1}]


def test_rows_and_time_of_a_query_can_be_limited(root: Path) -> None:
    assert run_sql(root, "FROM range(100000)", Query(rows=3)).to_pydict() == {"range": [0, 1, 2]}
    assert run_sql(root, "FROM range(2)", Query(rows=3)).num_rows == 2
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    with pytest.raises(UsageError, match=r"the query takes more than 0\.2 seconds"):
        run_sql(root, endless, Query(seconds=0.2))


def test_nothing_is_written_beside_the_tables(root: Path) -> None:
    before = sorted(root.rglob("*"))
    connection = connect(root)
    assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (3,)
    connection.close()
    assert sorted(root.rglob("*")) == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no finished nyxqa dataset"):
        connect(tmp_path)
