"""Formats told apart by their first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from nyxqa.schemas.images.formats import FORMATS, PILLOW_FORMATS, ImageFormat, format_hint, image_format

Image.init()
SUPPORTED = [known for known in FORMATS if known.name in Image.SAVE]


def encoded(name: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(out, name)
    return out.getvalue()


@pytest.mark.parametrize("known", SUPPORTED, ids=lambda known: str(known.name))
def test_each_format_is_recognised(known: ImageFormat) -> None:
    data = encoded(known.name)
    assert image_format(data) == known
    assert Image.MIME[known.name] == known.mime_type
    assert Image.registered_extensions()[f".{known.extension}"] == known.name
    assert image_format(data[:3]) in (known, None)


def test_pillow_knows_them_by_these_names() -> None:
    Image.init()
    assert set(PILLOW_FORMATS) <= set(Image.OPEN)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"\x89PNG", b"%!PS-Adobe-3.0 EPSF-3.0", b"P6 1 1 255\n", b"\0" * 32]
)
def test_other_bytes_have_no_format(data: bytes) -> None:
    assert image_format(data) is None


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "SVG"),
        (b"  <!DOCTYPE html><p>", "HTML"),
        (b"<HTML>", "HTML"),
        (b"%PDF-1.7 more", "no known image format, first bytes 255044462d312e37"),
        (b"", "no known image format, first bytes "),
    ],
)
def test_a_hint_names_what_the_bytes_are(data: bytes, hint: str) -> None:
    assert format_hint(data) == hint
