"""A folder of PDF files from end to end: as texts, and as pictures of their sheets."""

from __future__ import annotations

from pathlib import Path

import pytest

import nyxqa
from nyxqa.build import run
from nyxqa.schemas.locator import read_locator
from tests.support.pdf import manual
from tests.support.running import leave


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pdf")
    for number in range(3):
        manual(folder / f"{number}.pdf", 4, 200 * number)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    return folder


@pytest.mark.parametrize("unit", ["tokens", "page"])
def test_pdf_files_become_triplets(folder: Path, tmp_path: Path, unit: str) -> None:
    overrides = {"chunk.unit": unit, "pdf.dpi": 50, "split.validation": 0, "split.test": 0, "images.common": 1.0}
    run("train", source=f"pdf:{folder}", out=tmp_path / "out", settings=overrides)
    corpus = nyxqa.load("corpus", tmp_path / "out", split="web", images="none")
    assert {row["source"] for row in corpus} == {"pdf"}
    for row in corpus:
        ((sheet, box), *_) = read_locator(row["locator"])
        assert row["section"].endswith(f", p. {sheet}")
        assert box[0] < box[2] and box[1] < box[3]
        assert row["kind"] == ("text" if unit == "tokens" else "single")
    triplets = nyxqa.load("triplets", tmp_path / "out", split="train", images="none")
    assert len(triplets) > 5
    assert {row["answers"][0] != "" for row in triplets} == {True}
    (drop,) = [row for row in nyxqa.load("ledger", tmp_path / "out", split="rows") if row["reason"] == "bad_pdf"]
    assert drop["item_id"] == "broken.pdf"
    assert leave("check", tmp_path / "out") == 0
