"""Which image files live, and what is stored of them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from nyxqa.builders.images.decode import StoredImage, stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.ids import image_id
from tests.support.ingest import decoded, encoded, picture

LIMIT = 50_000_000


def store(data: bytes) -> StoredImage:
    return stored_image(data, LIMIT)


def reason(data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(DeadImageError) as caught:
        stored_image(data, limit)
    assert caught.value.detail
    return caught.value.reason


def same_pixels(a: Image.Image, b: Image.Image) -> bool:
    return np.array_equal(np.asarray(a), np.asarray(b))


def oriented(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, rows: bytes) -> bytes:
    """An RGB file of PNG chunks around ``rows``, be they enough or not."""
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_clean_files_keep_their_bytes(kind: str, mode: str) -> None:
    data = encoded(picture(mode=mode), kind)
    stored = store(data)
    assert stored.data == data
    assert stored.image_id == image_id(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_icc_profile_is_no_metadata(kind: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(picture(), kind, icc_profile=profile)
    assert store(data).data == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_goes_and_pixels_stay(kind: str) -> None:
    exif = oriented(1)
    exif[0x010E] = "a secret place"
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a secret place")
    xmp = b"<x:xmpmeta>a secret place</x:xmpmeta>"
    options = {"PNG": {"pnginfo": info}, "JPEG": {"xmp": xmp, "comment": "a secret place"}, "WEBP": {"xmp": xmp}}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(picture(), kind, exif=exif, icc_profile=profile, **options[kind])
    stored = store(data).data
    assert b"a secret place" in data
    assert b"a secret place" not in stored
    assert not decoded(stored).getexif()
    assert decoded(stored).format == kind
    assert decoded(stored).info["icc_profile"] == profile
    assert same_pixels(decoded(stored), decoded(data))
    assert store(stored).data == stored


def test_iptc_goes() -> None:
    data = encoded(picture(), "JPEG")
    block = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x00"
    marked = data[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert store(marked).data == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(2, 9))
def test_rotated_pictures_are_turned_upright(kind: str, turn: int) -> None:
    upright = picture(size=(48, 24))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    stored = decoded(store(encoded(upright.transpose(undo[turn]), kind, exif=oriented(turn), **options)).data)
    assert stored.size == (48, 24)
    assert not stored.getexif()
    error = np.abs(np.asarray(stored.convert("RGB"), float) - np.asarray(upright, float)).mean()
    assert error < (8 if options else 0.01)


def test_a_broken_exif_block_goes() -> None:
    data = encoded(picture(), "JPEG")
    block = b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"
    broken = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert store(broken).data == data


def test_cmyk_becomes_rgb() -> None:
    stored = decoded(store(encoded(picture().convert("CMYK"), "JPEG", quality=95)).data)
    assert (stored.format, stored.mode) == ("JPEG", "RGB")
    assert "icc_profile" not in stored.info
    assert np.abs(np.asarray(stored, float) - np.asarray(picture(), float)).mean() < 8


def test_sixteen_bits_become_eight() -> None:
    deep = np.linspace(0, 65535, 40 * 48).reshape(40, 48).astype(np.uint16)
    stored = decoded(store(encoded(Image.fromarray(deep), "PNG")).data)
    assert (stored.format, stored.mode) == ("PNG", "L")
    assert np.array_equal(np.asarray(stored), (deep >> 8).astype(np.uint8))


def test_sixteen_bits_a_colour_become_eight() -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 0xFF12, 0x8034, 0x0056) * 4 for _ in range(4))
    stored = store(png(4, 4, 16, rows)).data
    assert stored[24] == 8
    assert decoded(stored).getpixel((1, 1)) == (0xFF, 0x80, 0x00)


def test_floating_point_pictures_are_stretched() -> None:
    values = np.linspace(-1, 1, 400, dtype=np.float32).reshape(20, 20)
    stored = np.asarray(decoded(store(encoded(Image.fromarray(values), "TIFF")).data))
    assert (stored.min(), stored.max()) == (0, 255)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_kept(kind: str) -> None:
    frames = [picture(1), picture(2)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    stored = decoded(store(data).data)
    assert stored.format == "PNG"
    assert getattr(stored, "n_frames", 1) == 1
    assert same_pixels(stored.convert("RGB"), decoded(data).convert("RGB"))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_keeps_its_transparency(kind: str) -> None:
    clear = picture().quantize(8)
    clear.info["transparency"] = 3
    data = encoded(clear, kind, transparency=3)
    stored = decoded(store(data).data)
    assert (stored.format, stored.mode) == ("PNG", "P")
    assert same_pixels(stored.convert("RGBA"), decoded(data).convert("RGBA"))
    assert stored.convert("RGBA").getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "GIF"])
def test_lossless_formats_become_png(kind: str) -> None:
    data = encoded(picture(), kind)
    stored = decoded(store(data).data)
    assert stored.format == "PNG"
    assert same_pixels(stored.convert("RGB"), decoded(data).convert("RGB"))


def test_avif_becomes_jpeg_unless_it_is_transparent() -> None:
    assert decoded(store(encoded(picture(), "AVIF")).data).format == "JPEG"
    clear = picture(mode="RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    stored = decoded(store(encoded(clear, "AVIF")).data)
    assert (stored.format, stored.mode) == ("PNG", "RGBA")


def test_equal_pictures_in_several_files_are_stored_alike() -> None:
    assert store(encoded(picture(), "BMP")) == store(encoded(picture(), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_truncated_files_are_dead(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(picture(size=(200, 160)), kind, **options)
    for share in (0.02, 0.3, 0.7, 0.95):
        assert reason(data[: int(len(data) * share)]) in ("truncated", "unreadable"), share
    assert reason(data[: len(data) // 2]) == "truncated"


def test_a_png_without_its_end_is_truncated() -> None:
    assert reason(encoded(picture())[:-12]) == "truncated"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "truncated"),
        (b"\xff\xd8\xff\xe0", "truncated"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        (b"<?xml version='1.0'?>\n<svg/>", "unsupported_format"),
        (b"<!DOCTYPE html><p>404</p>", "unsupported_format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported_format"),
        (bytes(range(256)), "unsupported_format"),
    ],
)
def test_files_that_are_no_picture(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1)])
def test_tracking_pixels_and_spacers_are_too_small(size: tuple[int, int]) -> None:
    assert reason(encoded(Image.new("RGB", size), "GIF")) == "too_small"
    assert store(encoded(Image.new("RGB", (2, 2)))).image_id


def test_many_pixels_are_refused_by_their_header() -> None:
    assert reason(png(30_000, 30_000, 8, b"")) == "too_many_pixels"
    assert reason(png(10_000, 10_000, 8, b"")) == "too_many_pixels"
    assert reason(encoded(picture(size=(20, 20))), limit=399) == "too_many_pixels"
    assert stored_image(encoded(picture(size=(20, 20))), 400).image_id


def test_equal_stored_bytes_have_equal_hashes() -> None:
    first = store(encoded(picture(5), "JPEG", exif=oriented(6), quality=80))
    assert store(first.data) == first
