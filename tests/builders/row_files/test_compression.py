"""Compressed files, by name or by their first bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from nyxqa.builders.row_files.compression import (
    TooLargeError,
    decompressed,
    open_compressed,
    open_text,
    uncompressed_name,
)

TEXT = "".join(f"line {number} \u00e9\n" for number in range(50_000))


def zstd(data: bytes) -> bytes:
    """Two frames, as parallel compressors write them."""
    half = len(data) // 2
    return b"".join(pa.compress(piece, "zstd", asbytes=True) for piece in (data[:half], data[half:]))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.GZ", "a.jsonl.zst", "a"])
@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_content_is_known_by_its_first_bytes(name: str, compress: object, tmp_path: Path) -> None:
    assert callable(compress)
    (tmp_path / name).write_bytes(compress(TEXT.encode()))
    with open_compressed(tmp_path / name) as stream:
        assert stream.read() == TEXT.encode()
    with open_text(tmp_path / name) as lines:
        assert lines.read(5) == "line "
        lines.seek(0)  # as a reader does that looks at the first character
        assert sum(1 for _ in lines) == 50_000


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
@pytest.mark.parametrize("damage", ["plain", "cut"])
def test_damaged_files_are_errors(name: str, damage: str, tmp_path: Path) -> None:
    whole = (gzip.compress if name == "a.gz" else zstd)(TEXT.encode())
    (tmp_path / name).write_bytes(TEXT.encode() if damage == "plain" else whole[: len(whole) // 3])
    with pytest.raises((OSError, EOFError)), open_compressed(tmp_path / name) as stream:
        stream.read()


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_data_is_decompressed_up_to_a_limit(compress: object) -> None:
    assert callable(compress)
    data = compress(TEXT.encode())
    assert decompressed(data, len(TEXT) * 2) == TEXT.encode()
    assert decompressed(TEXT.encode(), 10) == TEXT.encode()
    with pytest.raises(TooLargeError):
        decompressed(data, 1000)
    with pytest.raises(OSError, match="damaged"):
        decompressed(data[:-20], len(TEXT) * 2)


def test_names_without_their_compression() -> None:
    assert [uncompressed_name(name) for name in ("A.HTML.gz", "b.csv.ZST", "c.md")] == ["a.html", "b.csv", "c.md"]
