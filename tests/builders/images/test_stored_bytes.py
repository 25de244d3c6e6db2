"""That stored images hold the picture and nothing else, and that damaged metadata does not cost a picture."""

from __future__ import annotations

import os
import struct
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.metadata import png_chunks, webp_chunks
from tests.support.ingest import decoded, encoded, picture

SECRET = b"OWNER 59.91N 10.75E"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def store(data: bytes) -> bytes:
    """The stored bytes; storing them again changes nothing."""
    stored = stored_image(data, 50_000_000).data
    assert stored_image(stored, 50_000_000).data == stored
    assert decoded(stored).load()
    return stored


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """A PNG file with further chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """A JPEG file with further segments at its start."""
    return data[:2] + b"".join(segments) + data[2:]


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def with_riff(data: bytes, *chunks: bytes) -> bytes:
    """A WebP file with further chunks at its end, and a header that counts them."""
    body = data[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extended(data: bytes) -> bytes:
    """A simple WebP file of 60 x 40 pixels in the extended layout, with the flags of EXIF, XMP and ICC."""
    header = riff_chunk(b"VP8X", bytes([0x2C, 0, 0, 0]) + (59).to_bytes(3, "little") + (39).to_bytes(3, "little"))
    return with_riff(data[:12] + header + data[12:])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("behind", [SECRET, b"\0" * 3 + SECRET, SECRET * 20_000], ids=["text", "zeros", "much"])
def test_bytes_behind_the_picture_go(kind: str, behind: bytes) -> None:
    data = encoded(picture(), kind)
    assert store(data + behind) == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_second_picture_behind_the_first_goes(kind: str) -> None:
    data = encoded(picture(), kind)
    assert store(data + encoded(picture(2), "PNG")) == data
    assert store(data + data) == data


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), *range(0xF0, 0xFF)])
def test_application_and_reserved_segments_of_a_jpeg_go(marker: int) -> None:
    data = encoded(picture(), "JPEG")
    assert store(with_segments(data, segment(marker, SECRET))) == data


@pytest.mark.parametrize(
    "body", [b"FPXR\0" + SECRET, b"MPF\0" + SECRET, b"JFXX\0\x13" + SECRET, b"ICC_PROFIL" + SECRET, b"Adob" + SECRET]
)
def test_segments_that_share_a_marker_with_a_needed_one_go(body: bytes) -> None:
    data = encoded(picture(), "JPEG")
    for marker in (0xE0, 0xE2, 0xEE):
        assert store(with_segments(data, segment(marker, body))) == data


def test_the_thumbnail_of_a_jfif_segment_goes() -> None:
    data = encoded(picture(), "JPEG")
    assert data[2:4] == b"\xff\xe0"
    jfif = data[6:20]
    thumb = segment(0xE0, jfif[:12] + bytes([2, 1]) + SECRET[:6])
    assert store(data[:2] + thumb + data[20:]) == data


def test_a_jpeg_keeps_its_profile_and_its_adobe_segment() -> None:
    data = encoded(picture(), "JPEG", icc_profile=PROFILE)
    assert store(with_segments(data, segment(0xE4, SECRET))) == data
    adobe = segment(0xEE, b"Adobe\0d\0\0\0\0\1")
    marked = with_segments(encoded(picture(), "JPEG"), adobe)
    assert store(marked) == marked
    longer = with_segments(encoded(picture(), "JPEG"), segment(0xEE, b"Adobe\0d\0\0\0\0\1" + SECRET))
    assert store(longer) == marked


def test_segments_between_the_scans_of_a_progressive_jpeg_go() -> None:
    data = encoded(picture(size=(64, 64)), "JPEG", progressive=True)
    scans = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 3
    table = data.rindex(b"\xff\xc4", 0, scans[2])
    marked = data[:table] + segment(0xFE, SECRET) + segment(0xE9, SECRET) + data[table:]
    assert store(marked) == data


def test_a_jpeg_of_several_pictures_keeps_the_bytes_of_the_first() -> None:
    data = encoded(picture(), "MPO", save_all=True, append_images=[picture(2)])
    stored = store(data)
    first = data[: data.index(b"\xff\xd9") + 2]
    assert stored[stored.index(b"\xff\xda") :] == first[first.index(b"\xff\xda") :]
    assert decoded(stored).format == "JPEG"


def test_a_jpeg_with_text_for_its_end_is_encoded_again() -> None:
    assert SECRET not in store(encoded(picture(), "JPEG")[:-2] + SECRET)


@pytest.mark.parametrize(
    "name", [b"prVt", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"bKGD", b"pHYs", b"sPLT", b"hIST", b"orNt", b"caBX", b"mkBF"]
)
def test_chunks_of_a_png_that_decoding_does_not_need_go(name: bytes) -> None:
    data = encoded(picture(), "PNG")
    assert store(with_chunks(data, chunk(name, SECRET))) == data


def test_a_second_chunk_of_a_kind_and_one_of_a_wrong_length_go() -> None:
    data = with_chunks(encoded(picture(), "PNG"), chunk(b"gAMA", struct.pack(">I", 45455)))
    assert store(data) == data
    twice = with_chunks(encoded(picture(), "PNG"), data[33:49], chunk(b"gAMA", SECRET[:4]), chunk(b"sRGB", SECRET))
    assert store(twice) == data


def test_what_stands_behind_the_pixels_inside_a_png_goes() -> None:
    plain = encoded(picture(size=(20, 20)), "PNG")
    chunks = dict(png_chunks(plain))
    packed = chunks[b"IDAT"][8:-4]
    rows = zlib.decompress(packed)
    for body in (packed + SECRET, zlib.compress(rows + SECRET * 300)):
        hidden = plain[:33] + chunk(b"IDAT", body) + chunks[b"IEND"]
        stored = store(hidden)
        inside = b"".join(one[8:-4] for name, one in png_chunks(stored) if name == b"IDAT")
        assert zlib.decompress(inside) is not None and len(zlib.decompress(inside)) == len(rows)
        assert SECRET not in stored
        assert decoded(stored).tobytes() == decoded(plain).tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(2, 2), (7, 3), (60, 41)])
def test_pngs_of_every_mode_and_odd_size_keep_their_bytes(mode: str, size: tuple[int, int]) -> None:
    image = picture(size=size).convert("RGBA").convert("RGB").convert(mode)
    data = encoded(image, "PNG")
    assert store(data) == data


def test_an_interlaced_png_keeps_its_bytes() -> None:
    """Its seven passes are empty rows here: eight pixels a side, one byte a pixel."""
    sizes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]
    rows = b"".join((b"\0" + b"\x7f" * columns) * lines for columns, lines in sizes)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    assert store(data) == data


def test_a_png_with_much_text_is_a_picture() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "x" * 3_000_000, zip=True)
    assert store(encoded(picture(), "PNG", pnginfo=info)) == encoded(picture(), "PNG")


def test_a_png_with_a_large_profile_is_a_picture_that_others_can_open() -> None:
    plain = encoded(picture(), "PNG")
    for profile in (PROFILE + b"\0" * 2_000_000, os.urandom(1_200_000)):
        large = with_chunks(plain, chunk(b"iCCP", b"large\0\0" + zlib.compress(profile)))
        assert store(large) == plain
    behind = with_chunks(plain, chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE) + SECRET))
    assert store(behind) == plain


def test_a_tiff_with_a_large_profile_is_a_picture() -> None:
    stored = store(encoded(picture(), "TIFF", icc_profile=PROFILE + b"\0" * 1_100_000))
    assert "icc_profile" not in decoded(stored).info


@pytest.mark.parametrize("name", [b"tEXt", b"gAMA", b"iCCP", b"tRNS", b"eXIf", b"prVt"])
def test_a_wrong_checksum_of_an_ancillary_chunk_costs_the_chunk_alone(name: bytes) -> None:
    plain = encoded(picture(), "PNG")
    wrong = chunk(name, b"\0\0\0\1")[:-1] + b"!"
    assert store(with_chunks(plain, wrong)) == plain


def test_an_exif_block_of_a_png_still_turns_it() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = decoded(store(encoded(picture(size=(48, 24)), "PNG", exif=exif)))
    assert stored.size == (24, 48)


@pytest.mark.parametrize("name", [b"PRIV", b"EXIF", b"XMP ", b"\0\1\2\3"])
@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}], ids=["lossless", "lossy"])
def test_chunks_of_a_webp_that_decoding_does_not_need_go(name: bytes, options: dict[str, int]) -> None:
    data = encoded(picture(size=(60, 40)), "WEBP", **options)
    assert store(with_riff(data, riff_chunk(name, SECRET))) == data
    stored = store(with_riff(extended(data), riff_chunk(name, SECRET), riff_chunk(b"ALPX", SECRET)))
    assert SECRET not in stored
    names = [name for name, _ in webp_chunks(stored)]
    assert names[0] == b"VP8X" and len(names) == 2
    assert stored[20] == 0  # no flag of what is gone
    assert decoded(stored).tobytes() == decoded(data).tobytes()
