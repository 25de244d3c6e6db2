from pathlib import Path

import pytest

from nyxqa.retriever.index.stored_strings import StoredIds, rows_of, write_ids


def test_ids_come_back_with_their_order(tmp_path: Path) -> None:
    names = ["b", "", "\U0001f98a", "ab", "\uffee", "a", "b"]
    write_ids(iter(names), tmp_path)
    ids = StoredIds(tmp_path)
    assert list(ids) == names
    assert ids[-1] == "b" and ids[1:4] == names[1:4]
    by_order = sorted(range(len(names)), key=lambda row: int(ids.order[row]))
    assert by_order == sorted(range(len(names)), key=lambda row: (names[row], row))
    with pytest.raises(IndexError):
        ids[7]


def test_no_ids(tmp_path: Path) -> None:
    write_ids([], tmp_path)
    assert list(StoredIds(tmp_path)) == []
    assert rows_of(tmp_path, {"a"}).tolist() == []


def test_rows_of_some_ids(tmp_path: Path) -> None:
    write_ids(["d", "a", "\U0001f98a", "c", "a"], tmp_path)
    assert rows_of(tmp_path, {"c", "a", "z", "\U0001f98a"}).tolist() == [1, 2, 3, 4]
    assert rows_of(tmp_path, set()).tolist() == []
