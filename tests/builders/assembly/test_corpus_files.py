"""Files of ``corpus`` are cut by a plan, whatever the shards of the documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nyxqa.builders.assembly.corpus_files as module
from nyxqa.builders.assembly.corpus_files import plan_files, write_corpus_file
from nyxqa.builders.images.decode import StoredImage
from nyxqa.builders.images.packs import PackReader, writing_pack
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.tables import CORPUS, WEB
from nyxqa.schemas.writing import write_split
from tests.support.rows import SPLIT_DOCUMENTS, document, write


def documents(folder: Path) -> list[dict[str, Any]]:
    rows = [document(f"p{number}", 0, f"text {number} {PLACEHOLDER * (number % 3)}") for number in range(250)]
    with writing_pack(folder, 0) as pack:
        for number, row in enumerate(rows):
            stored = [
                StoredImage(bytes([number, one]) * 1000, f"{number:062x}{one:02x}", one) for one in range(number % 3)
            ]
            row["images"] = [
                {**pack.add(image), "caption": "", "caption_origin": None, "url": f"u{number}"} for image in stored
            ]
    return rows


def written(files: list[Path], packs: Path, target: Path, file_bytes: int) -> list[bytes]:
    with PackReader(packs) as reader:
        for planned in plan_files(files, file_bytes):
            write_corpus_file(planned, reader, target / f"{planned.number}")
    return [file.read_bytes() for file in sorted(target.iterdir())]


def test_files_do_not_depend_on_the_shards_and_are_those_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = documents(tmp_path)
    monkeypatch.setattr(module, "_row_bytes", lambda file: ([100] * pq.read_metadata(file).num_rows, 10.0))
    found = []
    for size in (250, 100, 7):
        folder = tmp_path / str(size)
        (folder / "out").mkdir(parents=True)
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        files = [write(folder / f"{number:03}.parquet", part, SPLIT_DOCUMENTS) for number, part in enumerate(parts)]
        found.append(written(files, tmp_path, folder / "out", 12_000))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 2
    names = [row["doc_id"] for file in found[0] for row in pq.read_table(pa.BufferReader(file)).to_pylist()]
    assert names == [row["doc_id"] for row in rows]
    with PackReader(tmp_path) as reader:
        published = [
            {
                **{name: row.get(name) for name in CORPUS.schema.names},
                "images": [{"bytes": reader.read(image), "path": None} for image in row["images"]],
                "image_ids": [image["image_id"] for image in row["images"]],
                "image_phashes": [image["phash"] for image in row["images"]],
                "captions": [""] * len(row["images"]),
                "caption_origins": [""] * len(row["images"]),
                "image_urls": [image["url"] for image in row["images"]],
            }
            for row in rows
        ]
    entries = write_split(CORPUS, WEB, published, tmp_path / "rows", 10_000_000)
    whole = written([tmp_path / "250" / "000.parquet"], tmp_path, tmp_path / "7" / "out", 10_000_000)
    assert whole[0] == (tmp_path / "rows" / next(iter(entries))).read_bytes()


def test_content_out_of_step_is_refused(tmp_path: Path) -> None:
    rows = documents(tmp_path)
    rows[3]["text"] += PLACEHOLDER
    file = write(tmp_path / "part.parquet", rows[:10], SPLIT_DOCUMENTS)
    (tmp_path / "out").mkdir()
    with pytest.raises(LawError, match=rows[3]["doc_id"]):
        written([file], tmp_path, tmp_path / "out", 1000)
