"""The perceptual hash is that of ``imagehash`` and puts like pictures near each other."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageDraw

from nyxqa.builders.images.normalize import perceptual_hash
from tests.support.ingest import decoded, encoded, picture


def distance(a: int, b: int) -> int:
    return ((a ^ b) & (2**64 - 1)).bit_count()


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_equal_to_imagehash(mode: str) -> None:
    for seed in range(40):
        noise = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
        drawn = Image.fromarray(noise).resize((70 + seed, 50), Image.Resampling.BICUBIC).convert(mode)
        expected = int(str(imagehash.phash(drawn)), 16)
        assert perceptual_hash(drawn) & (2**64 - 1) == expected
        assert -(2**63) <= perceptual_hash(drawn) < 2**63


@pytest.mark.parametrize("size", [(200, 190), (640, 480), (1300, 900), (3000, 200)])
def test_large_pictures_stay_within_a_few_bits_of_imagehash(size: tuple[int, int]) -> None:
    for seed in range(8):
        random = np.random.default_rng(seed)
        smooth = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grainy = np.asarray(smooth).astype(int) + random.integers(-15, 16, (*size[::-1], 3))
        drawn = Image.fromarray(grainy.clip(0, 255).astype(np.uint8))
        assert distance(perceptual_hash(drawn), int(str(imagehash.phash(drawn)), 16)) <= 4


def test_a_recompressed_and_scaled_picture_is_near_and_another_is_far() -> None:
    first = picture(3, (200, 160))
    again = decoded(encoded(first.resize((150, 120)), "JPEG", quality=60))
    assert distance(perceptual_hash(first), perceptual_hash(again)) <= 6
    assert distance(perceptual_hash(first), perceptual_hash(picture(8, (200, 160)))) > 16


def test_drawings_on_a_transparent_ground_differ() -> None:
    hashes = set()
    for shape in ("ellipse", "rectangle", "line"):
        clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        getattr(ImageDraw.Draw(clear), shape)((8, 20, 50, 44), fill=(0, 0, 0, 255))
        white = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
        assert perceptual_hash(clear) == perceptual_hash(white)
        hashes.add(perceptual_hash(clear))
    assert len(hashes) == 3


def test_flat_pictures_have_one_hash() -> None:
    assert len({perceptual_hash(Image.new("L", (40, 30), grey)) for grey in (1, 77, 130, 255)}) == 1
