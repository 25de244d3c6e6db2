"""From the bytes of an image file to the bytes that are stored: fully decoded once, and without metadata."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nyxqa.builders.images.errors import DeadImageError
from nyxqa.builders.images.metadata import (
    MAX_PROFILE,
    SIGNATURE,
    jpeg_without_metadata,
    png_has_exif,
    png_is_whole,
    png_to_read,
    png_without_metadata,
    webp_is_lossy,
    webp_without_metadata,
)
from nyxqa.builders.images.normalize import apply_orientation, orientation, perceptual_hash, to_eight_bit
from nyxqa.schemas.ids import image_id
from nyxqa.schemas.images.decode import DAMAGED, ImageDecodeError, decode_pixels, open_encoded, stable_text

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE = 2  # pixels; thinner ones are tracking pixels and spacers
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The bytes to store, their id and their perceptual hash."""

    data: bytes
    image_id: str
    phash: int


def stored_image(data: bytes, max_pixels: int) -> StoredImage:
    """The stored form of an image file.

    JPEG, PNG and WebP that need no rotation keep the bytes of their pixels and what decoding needs (JFIF, ICC, colour,
    transparency); every other segment is removed, and so is what follows the end of the picture. Animated, CMYK and
    16-bit images and other formats are rotated as their EXIF says and encoded once: lossy images without transparency
    as JPEG, the rest as PNG.

    :param max_pixels: Most pixels of an image; checked before it is decoded.
    :raises DeadImageError: If it is not an image that we read, is damaged, too large or too small.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of is refused below, or harmless
        try:
            readable = png_to_read(data) if data.startswith(SIGNATURE) else data
            image = open_encoded(readable, max_pixels)
            _check_size(image)
            clean = _without_metadata(image, data)
            if clean is not None:  # what is stored is what was decoded
                readable, image = clean, open_encoded(clean, max_pixels)
            decode_pixels(image, readable)
        except ImageDecodeError as error:
            raise DeadImageError(error.reason, error.detail) from error
        if image.format == "PNG" and clean is None and not png_is_whole(data):
            raise DeadImageError("truncated", "PNG without its end, or with fewer pixels than its header says")
        if clean is not None:
            return StoredImage(clean, image_id(clean), perceptual_hash(image))
        lossy = image.format in ("JPEG", "MPO", "AVIF", "JPEG2000") or (image.format == "WEBP" and webp_is_lossy(data))
        return _reencoded(image, lossy)


def _check_size(image: Image) -> None:
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise DeadImageError("too_small", f"{width} x {height} pixels, each side needs {MIN_SIDE}")


def _without_metadata(image: Image, data: bytes) -> bytes | None:
    """The picture in the bytes that it came in; None if it has to be encoded again."""
    if image.format == "PNG" and not png_has_exif(data):  # looking for that, Pillow would decode the picture
        clean = png_without_metadata(data)
        if clean is not None:
            return clean
    if orientation(image) != 1:
        return None
    if image.format == "PNG":
        return png_without_metadata(data)
    if image.format == "WEBP":
        return webp_without_metadata(data)
    jpeg = image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB")  # MPO: further pictures behind the first
    return jpeg_without_metadata(data) if jpeg else None


def _reencoded(image: Image, lossy: bool) -> StoredImage:
    image, profile = to_eight_bit(apply_orientation(image))
    if profile is not None and len(profile) > MAX_PROFILE:
        profile = None
    out = io.BytesIO()
    lossy = lossy and not image.has_transparency_data
    try:
        if lossy:
            opaque = image if image.mode in ("L", "RGB") else image.convert("RGB")
            opaque.save(out, "JPEG", quality=_JPEG_QUALITY, icc_profile=profile)
        else:
            image.save(out, "PNG", icc_profile=profile)
    except DAMAGED as error:
        raise DeadImageError("unreadable", f"cannot be encoded: {stable_text(error)}") from error
    data = out.getvalue()
    if lossy:  # the hash is one of the stored bytes, so that equal bytes have equal hashes
        image = open_encoded(data)
    return StoredImage(data, image_id(data), perceptual_hash(image))
