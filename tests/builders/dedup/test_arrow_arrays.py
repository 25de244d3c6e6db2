"""Numbers go to Arrow and back unchanged, and a search imports nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.dedup.arrow_arrays import arrow_array, arrow_table, list_parts, numbers, text_buffers
from tests.support.near_duplicates import make_rows, table

# Fails where anything looks for pandas, installed or not.
_SEARCH = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        assert name not in ("pandas", "pyarrow.compute"), f"{name} is looked for"

sys.meta_path.insert(0, Refused())
from nyxqa.builders.dedup.deduplicate import deduplicate

with deduplicate(sys.argv[1], phashes="p", threshold=0.6) as result:
    print(len(result.dropped), result.dropped.num_columns)
"""


def test_a_search_imports_neither_pandas_nor_functions_that_compute(tmp_path: Path) -> None:
    pq.write_table(table(make_rows(3)), tmp_path / "rows.parquet")
    command = [sys.executable, "-c", _SEARCH, str(tmp_path / "rows.parquet")]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert found.stdout.split()[1] == "4"


@pytest.mark.parametrize("kind", ["int64", "int32", "uint64", "float64"])
def test_numbers_of_slices_and_chunks(kind: str) -> None:
    values = np.arange(9).astype(kind)
    column = pa.chunked_array([arrow_array(values)[2:5], arrow_array(values[:0]), arrow_array(values[::2])])
    found = numbers(column)
    assert found.dtype == values.dtype
    assert found.tolist() == [2, 3, 4, 0, 2, 4, 6, 8]
    assert numbers(pa.chunked_array([], column.type)).dtype == values.dtype
    assert arrow_table({"n": values, "s": pa.array(["x"] * 9)}).to_pydict()["n"] == values.tolist()


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int64()), pa.list_(pa.int64(), 2)])
def test_lists_in_parts(kind: pa.DataType) -> None:
    lengths, values = list_parts(pa.array([[9, 9], [1, 2], [3, 4], [5, 6]], kind)[1:3])
    assert lengths.tolist() == [2, 2]
    assert values.to_pylist() == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_buffers_of_texts(kind: pa.DataType) -> None:
    data, offsets = text_buffers(pa.array(["x", "a\u00e9", "", "b"], kind)[1:])
    assert [bytes(data[first:last]).decode() for first, last in pairwise(offsets)] == ["a\u00e9", "", "b"]
    assert text_buffers(pa.array([], kind))[1].tolist() == [0]
