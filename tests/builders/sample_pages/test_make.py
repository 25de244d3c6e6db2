from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nyxqa.builders.sample_pages.make import HERE, make, read_page
from nyxqa.schemas.words import words

PAGES = [read_page(path) for path in sorted((HERE / "pages").glob("*.md"))]
ROWS: list[dict[str, Any]] = [json.loads(line) for line in (HERE / "pages.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn")
    make(out)
    return out


def test_drawn_anew_the_sample_is_the_same(drawn: Path) -> None:
    assert (drawn / "pages.jsonl").read_bytes() == (HERE / "pages.jsonl").read_bytes()
    names = {path.name for path in (HERE / "images").iterdir()}
    assert {path.name for path in (drawn / "images").iterdir()} == names
    for name in names - {"broken.png"}:
        with Image.open(HERE / "images" / name) as kept, Image.open(drawn / "images" / name) as made:
            assert (kept.size, kept.mode) == (made.size, made.mode), name
            assert hashlib.sha256(kept.tobytes()).digest() == hashlib.sha256(made.tobytes()).digest(), name


def test_there_are_at_least_60_pages_of_150_to_400_words_and_1_to_6_images() -> None:
    assert len(PAGES) >= 60
    for page in PAGES:
        prose = sum(len(words(item.text)) for item in page.items if item.image is None)
        assert 150 <= prose <= 400, (page.slug, prose)
        images = [item for item in page.items if item.image]
        assert 1 <= len(images) <= 6, page.slug
        assert all(len(words(item.text)) >= 3 for item in images), page.slug
        assert page.title
        assert page.url.startswith("https://sample.nyxqa.org/")
    assert len({page.url for page in PAGES}) == len(PAGES)


def test_oddities_are_planted() -> None:
    references = [image for row in ROWS for image in row["images"] if image]
    pages_of = {image: sum(image in row["images"] for row in ROWS) for image in set(references)}
    assert pages_of["images/site_banner.png"] == 14
    assert sum(count == 2 for count in pages_of.values()) >= 2
    assert {"images/broken.png", "images/missing.png"} <= pages_of.keys()
    assert not (HERE / "images" / "missing.png").exists()
    bodies = [json.dumps([row["texts"], row["images"]]) for row in ROWS]
    assert len(bodies) - len(set(bodies)) == 3
    assert len(ROWS) == len(PAGES) + 6
    assert all((HERE / image).exists() for image in pages_of if image != "images/missing.png")


def test_no_image_file_is_without_a_page() -> None:
    used = {image for row in ROWS for image in row["images"] if image}
    assert {f"images/{path.name}" for path in (HERE / "images").iterdir()} <= used


def test_captions_say_something_of_every_image() -> None:
    for row in ROWS:
        alts = json.loads(row["metadata"])
        assert len(alts) == len(row["images"]) == len(row["texts"])
        for image, alt, text in zip(row["images"], alts, row["texts"], strict=True):
            assert (image is None) == (alt is None) == (text is not None)
            assert alt is None or len(words(alt["alt_text"])) >= 3
