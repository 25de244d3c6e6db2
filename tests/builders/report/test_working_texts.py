"""Texts of dropped items are looked for in no more files than hold them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.trace import TracedStep
from nyxqa.builders.report import working_texts as module


def test_no_part_is_read_after_all_texts_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = TracedStep("chunk", "", "f" * 64, "page", "document", Counts(4, 4, 0, 0, 4), 1.0)
    folder = step.folder(tmp_path)
    folder.mkdir(parents=True)
    for number in range(4):
        rows = pa.table({"place": [f"p{number}:0"], "doc_id": [f"d{number}"], "text": [f"text {number}"]})
        pq.write_table(rows, part_file(folder, number))
    opened: list[Path] = []
    read = module._texts

    def counted(file: Path, wanted: set[str]) -> dict[str, dict[str, str]]:
        opened.append(file)
        return read(file, wanted)

    monkeypatch.setattr(module, "_texts", counted)
    found = module.working_texts([step], tmp_path, {"d0": "document", "p1:0": "document"})
    assert found == {"d0": {"text": "text 0"}, "p1:0": {"text": "text 1"}}
    assert opened == [part_file(folder, 0), part_file(folder, 1)]
