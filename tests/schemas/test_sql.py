"""SQL quoting: DuckDB reads back exactly what was quoted."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from nyxqa.schemas.sql import file_list, identifier, string_list, string_literal


@pytest.mark.parametrize(
    "text", ["", "plain", "it's", "''", 'a "b"', "back\\slash", "line\nend", "semi; -- colon", "ü"]
)
def test_a_string_comes_back_unchanged(text: str) -> None:
    assert duckdb.sql(f"SELECT {string_literal(text)}").fetchall() == [(text,)]


@pytest.mark.parametrize("name", ["plain", "two words", 'a "b"', "select", "it's"])
def test_an_identifier_names_the_column(name: str) -> None:
    assert duckdb.sql(f"SELECT 1 AS {identifier(name)}").columns == [name]


@pytest.mark.parametrize("folder", ["plain", "it's", "star*", "[set]", "what?"])
def test_a_file_list_names_each_file_and_no_other(tmp_path: Path, folder: str) -> None:
    files = []
    for number, place in enumerate((folder, "s", "starry", "whatx")):
        file = tmp_path / place / "rows.parquet"
        file.parent.mkdir(exist_ok=True)
        duckdb.sql(f"SELECT {number} AS number").write_parquet(str(file))
        files.append(file)

    rows = duckdb.sql(f"SELECT number FROM read_parquet({file_list([files[0]])})").fetchall()
    both = duckdb.sql(f"SELECT number FROM read_parquet({file_list(files[:2])}) ORDER BY 1").fetchall()

    assert rows == [(0,)]
    assert both == [(0,), (1,)]
    assert file_list([]) == "[]"


def test_a_list_of_strings_is_read_as_it_is() -> None:
    assert duckdb.sql(f"SELECT {string_list(['it' + chr(39) + 's', '[a]*'])}").fetchall() == [(["it's", "[a]*"],)]
