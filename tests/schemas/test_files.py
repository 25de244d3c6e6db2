"""Files that are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.schemas.files import flush_folder, read_json, replacing, write_bytes, write_json


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


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with replacing(file) as temporary:
        left = temporary
        temporary.write_bytes(b"first")
    left.write_bytes(b"a longer leftover than what follows")
    write_bytes(file, b"next")
    assert file.read_bytes() == b"next"
    assert list(tmp_path.iterdir()) == [file]


def test_json_keeps_order_and_letters(tmp_path: Path) -> None:
    value = {"b": 1, "a": ["\u00e9\u65e5", None, 1.5]}
    write_json(tmp_path / "x.json", value)
    assert (tmp_path / "x.json").read_text(encoding="utf-8").startswith('{\n "b": 1,\n "a": [\n  "\u00e9\u65e5"')
    assert read_json(tmp_path / "x.json") == value
    assert list(read_json(tmp_path / "x.json")) == ["b", "a"]
