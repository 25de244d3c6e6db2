"""From ids to rows."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.loading.id_index import IdTable, RowGatherer


def _table(folder: Path, ids: list[str]) -> IdTable:
    table = pa.table({"doc_id": ids, "row": list(range(len(ids)))})
    with pa.ipc.new_stream(str(folder / "stored.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    rows = IdTable(folder / "stored.arrow", "doc_id")
    rows.write_index()
    return rows


def test_every_id_is_found_and_no_other(tmp_path: Path) -> None:
    ids = [hashlib.sha256(str(i).encode()).hexdigest()[:32] for i in range(500)]
    table = _table(tmp_path, ids)
    assert table.rows(ids[::-1]).tolist() == list(range(500))[::-1]
    assert table.rows(["0" * 32, ids[7], "f" * 32]).tolist() == [-1, 7, -1]
    assert table.rows([]).tolist() == []
    assert table.rows(["not an id", ids[3], "zz" * 16]).tolist() == [-1, 3, -1]


def test_ids_that_share_their_first_half_are_told_apart(tmp_path: Path) -> None:
    ids = ["a" * 16 + f"{i:016x}" for i in range(20)] + ["a" * 15 + "b" + "0" * 16, "0" * 32, "f" * 32]
    table = _table(tmp_path, ids)
    assert table.rows(ids).tolist() == list(range(23))
    assert table.rows(["a" * 16 + f"{99:016x}", "f" * 31 + "e"]).tolist() == [-1, -1]
    assert table.rows([ids[19], "a" * 16 + f"{20:016x}", ids[0], ids[20]]).tolist() == [19, -1, 0, 20]


def test_an_index_of_nothing_finds_nothing(tmp_path: Path) -> None:
    assert _table(tmp_path, []).rows(["0" * 32]).tolist() == [-1]


def test_a_copy_in_another_process_opens_the_same_files(tmp_path: Path) -> None:
    table = _table(tmp_path, ["1" * 32, "0" * 32])
    assert table.rows(["0" * 32]).tolist() == [1]
    data = pickle.dumps(table)
    assert len(data) < 400
    assert pickle.loads(data).rows(["0" * 32]).tolist() == [1]  # noqa: S301


def test_a_column_that_holds_no_ids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="column 'doc_id' holds an id that is not of 32 digits"):
        _table(tmp_path, ["0" * 32, "short"])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 29), max_size=60), st.integers(1, 30))
def test_rows_are_gathered_in_the_order_asked_for(rows: list[int], chunk: int) -> None:
    table = pa.Table.from_batches(pa.table({"a": list(range(30)), "b": [[i] for i in range(30)]}).to_batches(chunk))
    batch = RowGatherer(table)(np.array(rows, np.int64))
    assert batch.to_pylist() == [{"a": i, "b": [i]} for i in rows]
