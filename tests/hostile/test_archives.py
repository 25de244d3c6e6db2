"""Crafted image archives: no member leaves the archive, none is unpacked beyond the cap, and a broken one is named."""

from __future__ import annotations

import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.schemas.errors import WorldError
from tests.support.ingest import encoded, picture

CAP = 100_000
PNG = encoded(picture())
NAMES = [
    "../secret.png", "../../secret.png", "/etc/passwd", "..\\secret.png", "C:\\secret.png", "a/../../secret.png",
    "./../secret.png", "a//b.png", "", ".", "..", "a\0.png", "\ud800.png", "a" * 3000,
]  # fmt: skip


def archive(file: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(name, data)
    return file


@pytest.mark.parametrize("name", NAMES)
def test_a_path_finds_nothing_outside(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "images").mkdir()
    archive(tmp_path / "images" / "a.zip", ("a.png", PNG), ("../secret.png", PNG), ("/etc/passwd", PNG))
    found = ImageFolder(tmp_path / "images").find(name)
    if found is not None:  # the member of that name, read where it lies
        assert found.read(CAP) == PNG


def test_a_member_is_not_unpacked_beyond_the_cap(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.zip", ("a.png", bytes(200_000_000)))
    image = ImageFolder(file).find("a.png")
    assert image is not None
    tracemalloc.start()
    try:
        assert len(image.read(CAP)) == CAP + 1
        assert tracemalloc.get_traced_memory()[1] < 50 * CAP
    finally:
        tracemalloc.stop()


def test_a_loose_file_is_not_read_beyond_the_cap(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(10**10)
    image = ImageFolder(tmp_path).find("a.png")
    assert image is not None
    assert len(image.read(CAP)) == CAP + 1


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_archive_is_refused_or_its_member_is(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    whole = archive(tmp_path / "whole.zip", ("a.png", PNG), ("b/c.png", PNG)).read_bytes()
    changed = bytearray(whole)
    for _ in range(chance.choice((1, 3, 10))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    (tmp_path / "a.zip").write_bytes(changed if seed % 2 else changed[: chance.randrange(len(changed))])
    try:
        image = ImageFolder(tmp_path / "a.zip").find("a.png")
        assert image is None or image.read(CAP) == PNG
    except WorldError as error:
        assert "\n" not in str(error)
