"""Images that a build would not store are not opened, whichever way a dataset is read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import EpsImagePlugin, Image

import nyxqa
from nyxqa.builders.check.structure import check
from nyxqa.builders.export.export import export
from nyxqa.schemas.errors import FormatError, NyxqaError
from nyxqa.schemas.ids import doc_id, image_id
from tests.support.restamp import rewrite
from tests.support.tiny_dataset import TinyDataset, tiny_dataset

Row = dict[str, Any]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
READERS: dict[str, Callable[[Path], object]] = {
    "stored": lambda out: [row["images"] for row in nyxqa.load("corpus", out, split="web", join=False)],
    "mapped": lambda out: list(nyxqa.load("corpus", out, split="web").map(lambda row: {"n": len(row["images"])})),
    "stream": lambda out: list(nyxqa.load("corpus", out, split="web", join=False, streaming=True)),
    "joined": lambda out: [
        [picture.load() for side in (row["positive"], *row["negatives"]) for picture in side["images"]]
        for row in nyxqa.load("triplets", out, split="train")
    ],
    "questions": lambda out: list(nyxqa.load("qa", out, split="train")),
}


def _large() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (17_000, 10_000)).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture(autouse=True)
def no_ghostscript(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*arguments: Any, **options: Any) -> None:
        pytest.fail("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)


def _dataset_with(out: Path, image: dict[str, Any]) -> Path:
    """A dataset in which every picture of pool ``web`` is ``image``, consistent but for that."""
    tiny_dataset().write(out)
    named: dict[str, str] = {}

    def documents(rows: list[Row]) -> None:
        for row in rows:
            row["images"] = [image] * len(row["images"])
            row["image_ids"] = [image_id(image["bytes"] or b"")] * len(row["images"])
            new = doc_id(row["text"], row["image_ids"])
            named[row["doc_id"]] = new
            row.update(doc_id=new, cluster=new)

    def triplets(rows: list[Row]) -> None:
        for row in rows:
            row["positive_id"] = named[row["positive_id"]]
            row["negative_ids"] = [named[one] for one in row["negative_ids"]]

    def questions(rows: list[Row]) -> None:
        for row in rows:
            row["doc_id"] = named[row["doc_id"]]

    rewrite(out, "corpus", "web", documents)
    rewrite(out, "triplets", "train", triplets)
    rewrite(out, "qa", "train", questions)
    return out


@pytest.mark.parametrize("reader", list(READERS))
@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"bytes": EPS, "path": None}, "no known image format|an image cannot be decoded: unsupported_format"),
        ({"bytes": EPS, "path": "picture.png"}, "no known image format|an image cannot be decoded: unsupported_format"),
        ({"bytes": _large(), "path": None}, "an image cannot be decoded: too_many_pixels"),
        ({"bytes": None, "path": "/etc/hostname"}, "an image without bytes, at '/etc/hostname'|cannot be fetched"),
        ({"bytes": None, "path": "http://127.0.0.1:9/a.png"}, "an image without bytes, at 'http|cannot be fetched"),
        ({"bytes": None, "path": None}, "an image without bytes|neither bytes nor an address"),
    ],
    ids=["eps", "eps named png", "170 Mpx", "file", "address", "nothing"],
)
def test_an_image_that_no_build_stores_is_refused(
    tmp_path: Path, reader: str, image: dict[str, Any], message: str
) -> None:
    out = _dataset_with(tmp_path / "out", image)
    with pytest.raises(NyxqaError, match=message) as refused:
        READERS[reader](out)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("image", [EPS, _large()], ids=["eps", "170 Mpx"])
def test_check_and_export_do_not_open_it(tmp_path: Path, image: bytes) -> None:
    out = _dataset_with(tmp_path / "out", {"bytes": image, "path": None})
    assert "images_decode" in check(out).failed
    if image == EPS:
        with pytest.raises(FormatError, match="no known image format"):
            export(out, "sentence-transformers", tmp_path / "export")


def test_pictures_of_plain_datasets_concatenate_with_checked_ones(
    tmp_path: Path,
) -> None:
    from datasets import Dataset, Features, concatenate_datasets

    TinyDataset(tiny_dataset().tables).write(tmp_path / "out")
    checked = nyxqa.load("corpus", tmp_path / "out", split="web", join=False).select_columns(["doc_id", "images"])
    plain = Dataset.from_list([{"doc_id": "x", "images": []}], features=Features(**checked.features))
    assert len(concatenate_datasets([checked, plain])) == len(checked) + 1
