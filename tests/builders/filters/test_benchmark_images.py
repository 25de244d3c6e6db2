"""Images of documents against those of a benchmark."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nyxqa.builders.filters.benchmark_images import ImageMatches, write_image_matches
from nyxqa.builders.filters.benchmark_overlap import ItemNames
from nyxqa.builders.images.decode import stored_image
from tests.support.benchmark import indexed, json_lines, recompressed
from tests.support.pages import picture
from tests.support.rows import DOCUMENTS, document, locator, parts_of


def flat(colour: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("L", (40, 40), colour).save(out, kind)
    return out.getvalue()


def placed(data: bytes) -> dict[str, Any]:
    stored = stored_image(data, 1_000_000)
    return {**locator(stored.image_id), "phash": stored.phash}


def said(tmp_path: Path, index: Path, images: list[bytes], distance: int = 4) -> list[str | None]:
    """What is said of each image, each in a document of its own."""
    rows = [
        {**document(f"p{number}", 0, "text", [image["image_id"]]), "images": [image]}
        for number, image in enumerate(map(placed, images))
    ]
    parts = parts_of(tmp_path / "in", DOCUMENTS, rows[::2], rows[1::2])
    write_image_matches(parts, index, distance, tmp_path)
    matches = ImageMatches.read(tmp_path)
    found = [matches.describe(row["images"], ItemNames(index)) for row in rows]
    return [None if text is None else text.partition(" ")[2].partition(" ")[2] for text in found]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    lines = json_lines(folder / "test.jsonl", [{"id": name, "image": f"{name}.png"} for name in ("a", "b", "white")])
    for name in ("a", "b"):
        (folder / f"{name}.png").write_bytes(picture(name))
    (folder / "white.png").write_bytes(flat(255))
    return indexed(tmp_path / "index", lines)


def test_equal_and_recompressed_images_are_found_and_others_not(tmp_path: Path, index: Path) -> None:
    images = [picture("a"), picture("c"), recompressed(picture("b")), recompressed(picture("c"))]
    equal, none, near, other = said(tmp_path, index, images)
    assert equal == "equals that of test.jsonl a"
    assert (none, other) == (None, None)
    assert near is not None
    assert near.startswith("is within ")
    assert near.endswith(" bits of that of test.jsonl b")


def test_flat_pictures_are_alike_only_if_their_bytes_are_equal(tmp_path: Path, index: Path) -> None:
    assert said(tmp_path, index, [flat(255), flat(250), flat(255, "JPEG")]) == [
        "equals that of test.jsonl white", None, None
    ]  # fmt: skip


def test_at_distance_zero_only_equal_hashes_are_alike(tmp_path: Path, index: Path) -> None:
    turned = io.BytesIO()
    Image.open(io.BytesIO(picture("a"))).save(turned, "PNG", compress_level=1)
    assert turned.getvalue() != picture("a")
    assert said(tmp_path, index, [turned.getvalue(), picture("c")], distance=0) == [
        "is within 0 bits of that of test.jsonl a", None
    ]  # fmt: skip


def test_a_benchmark_without_images_matches_none(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", ["Who built the old lighthouse?"]))
    assert said(tmp_path, index, [picture("a")]) == [None]
