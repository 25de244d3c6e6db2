"""Only listed formats are opened, and only as many pixels as allowed."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.images.decode import MAX_PIXELS, ImageDecodeError, decode_pixels, open_encoded, stable_text


def encoded(name: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, name)
    return out.getvalue()


def refusal(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageDecodeError:
    with pytest.raises(ImageDecodeError) as caught:
        decode_pixels(open_encoded(data, max_pixels), data)
    assert isinstance(caught.value, WorldError)
    assert str(caught.value) == f"{caught.value.reason}: {caught.value.detail}"
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def huge_png(side: int) -> bytes:
    """A PNG that declares ``side`` x ``side`` pixels and has none."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_listed_format_is_decoded(name: str) -> None:
    data = encoded(name)
    image = open_encoded(data, 48)
    decode_pixels(image, data)
    assert (image.format, image.size) == (name, (8, 6))


@pytest.mark.parametrize("name", ["EPS", "PPM", "ICO", "PCX", "TGA", "SGI"])
def test_other_formats_are_refused_although_pillow_reads_them(name: str) -> None:
    data = encoded(name)
    assert Image.open(io.BytesIO(data)).size
    assert refusal(data).reason == "unsupported_format"


def test_pixels_are_capped_by_the_header() -> None:
    error = refusal(encoded(), 47)
    assert (error.reason, error.detail) == ("too_many_pixels", "8 x 6 pixels, at most 47 in all")
    assert refusal(huge_png(8_000), 50_000_000).reason == "too_many_pixels"
    assert refusal(huge_png(20_000)).reason == "too_many_pixels"  # Pillow's own limit


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (encoded()[:20], "truncated"),
        (encoded("JPEG")[:10], "truncated"),
        (encoded("JPEG", (200, 200))[:-200], "truncated"),
        (encoded("WEBP")[:30], "truncated"),
        (b"GIF89a", "truncated"),
        (b"<svg/>", "unsupported_format"),
        (b"nothing at all", "unsupported_format"),
    ],
)
def test_damaged_files_have_a_reason(data: bytes, reason: str) -> None:
    assert refusal(data).reason == reason


def test_text_of_errors_does_not_differ_from_run_to_run() -> None:
    assert stable_text(OSError("cannot read <BytesIO object at 0x7F12ab>")) == "cannot read <BytesIO object>"
