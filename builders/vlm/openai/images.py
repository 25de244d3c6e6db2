"""Images as servers accept them: data URIs within the pixel budget."""

from __future__ import annotations

import base64
import math
import threading
from collections import OrderedDict
from io import BytesIO
from typing import TYPE_CHECKING

from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.images.decode import open_encoded
from nyxqa.schemas.images.formats import JPEG, PNG, WEBP

if TYPE_CHECKING:
    from PIL import Image

_JPEG_QUALITY = 90
_SENT_UNCHANGED = {known.name: known.mime_type for known in (JPEG, PNG, WEBP)}


class TooLargeError(Exception):
    """An image exceeds the pixel budget and the caller did not allow shrinking it."""


class DataUris:
    """A least-recently-used cache of data URIs: a document's images are sent with each question on it.

    :param max_characters: Maximum number of characters in the cache.
    """

    def __init__(self, max_characters: int = 32 * 2**20) -> None:
        self._max_characters = max_characters
        self._cache: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def of(self, image: VlmImage, max_pixels: int, *, shrink: bool) -> str:
        """The image as a data URI of at most ``max_pixels``; one that is small enough is not decoded.

        :raises ImageDecodeError: If the bytes are not a readable image.
        :raises OSError: If its pixels cannot be decoded.
        :raises TooLargeError: If it would have to be shrunk and ``shrink`` is false.
        """
        key = (image.image_id, max_pixels)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        mime, fitting = fit(image.data, max_pixels, shrink=shrink)
        uri = f"data:{mime};base64,{base64.b64encode(fitting).decode('ascii')}"
        with self._lock:
            self._size += len(uri) - len(self._cache.pop(key, ""))
            self._cache[key] = uri
            while self._size > self._max_characters:
                self._size -= len(self._cache.popitem(last=False)[1])
        return uri


def fit(data: bytes, max_pixels: int, *, shrink: bool = True) -> tuple[str, bytes]:
    """MIME type and bytes of at most ``max_pixels``; a larger image is shrunk, keeping its aspect ratio.

    :raises ImageDecodeError: If the bytes are not a readable image.
    :raises OSError: If its pixels cannot be decoded.
    :raises TooLargeError: If it would have to be shrunk and ``shrink`` is false.
    """
    with open_encoded(data) as image:
        format_name = image.format or ""
        if image.width * image.height <= max_pixels and format_name in _SENT_UNCHANGED:
            return _SENT_UNCHANGED[format_name], data
        if not shrink:
            raise TooLargeError
        return _shrink(image, max_pixels)


def _shrink(image: Image.Image, max_pixels: int) -> tuple[str, bytes]:
    from PIL import Image

    scale = min(1.0, math.sqrt(max_pixels / (image.width * image.height)))
    size = (max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale)))
    opaque = image.format == "JPEG"
    small = image.convert("RGB" if opaque else "RGBA").resize(size, Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if opaque:
        small.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    else:
        small.save(buffer, "PNG")
    return (JPEG if opaque else PNG).mime_type, buffer.getvalue()
