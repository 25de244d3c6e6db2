"""Files that are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.schemas.files import flush_folder, read_json, replacing, sweep, write_bytes, write_json


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file"
    write_bytes(file, b"one")
    with replacing(file) as temporary:
        temporary.write_bytes(b"two")
        assert file.read_bytes() == b"one"
    assert file.read_bytes() == b"two"
    assert list(file.parent.iterdir()) == [file]
    flush_folder(file.parent)


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_bytes(file, b"one")
    with pytest.raises(KeyboardInterrupt), replacing(file) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert file.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [file]


def test_two_that_write_one_file_have_temporary_names_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with replacing(file) as slow:
        slow.write_bytes(b"slow")
        with replacing(file) as fast:
            fast.write_bytes(b"fast")
        assert file.read_bytes() == b"fast"
    assert file.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    left = []
    for name in ("part-000000.parquet", "manifest.json"):
        with replacing(tmp_path / name) as temporary:
            left.append(temporary)
            temporary.write_bytes(b"half")
    kept = sorted([*tmp_path.iterdir(), tmp_path / ".near.duckdb.part"])
    for file in (*left, tmp_path / ".near.duckdb.part"):
        file.write_bytes(b"half")
    sweep(tmp_path, "manifest.json")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, left[0]])
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == kept


def test_json_keeps_order_and_letters(tmp_path: Path) -> None:
    value = {"b": 1, "a": ["\u00e9\u65e5", None, 1.5]}
    write_json(tmp_path / "x.json", value)
    assert (tmp_path / "x.json").read_text(encoding="utf-8").startswith('{\n "b": 1,\n "a": [\n  "\u00e9\u65e5"')
    assert read_json(tmp_path / "x.json") == value
    assert list(read_json(tmp_path / "x.json")) == ["b", "a"]
