"""Images as a server takes them: within the pixel budget, as data URIs."""

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

_QUALITY = 90
_AS_THEY_ARE = {known.name: known.mime_type for known in (JPEG, PNG, WEBP)}


class TooLargeError(Exception):
    """An image beyond the pixel budget that was not to be shrunk here."""


class DataUris:
    """Data URIs of images, the last used ones kept: a document's images go out with each question on it.

    :param max_characters: Most characters kept.
    """

    def __init__(self, max_characters: int = 32 * 2**20) -> None:
        self._most = max_characters
        self._kept: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def of(self, picture: VlmImage, max_pixels: int, *, shrink: bool) -> str:
        """The image as a data URI of at most ``max_pixels``, undecoded where it already is.

        :raises ImageDecodeError: If the bytes are not an image that can be read.
        :raises OSError: If its pixels cannot be decoded.
        :raises TooLargeError: If it would have to be shrunk and ``shrink`` is false.
        """
        key = (picture.image_id, max_pixels)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        mime, fitting = fit(picture.data, max_pixels, shrink=shrink)
        uri = f"data:{mime};base64,{base64.b64encode(fitting).decode('ascii')}"
        with self._lock:
            self._size += len(uri) - len(self._kept.pop(key, ""))
            self._kept[key] = uri
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1])
        return uri


def fit(data: bytes, max_pixels: int, *, shrink: bool = True) -> tuple[str, bytes]:
    """MIME type and bytes of at most ``max_pixels``; a larger image is shrunk with its aspect kept.

    :raises ImageDecodeError: If the bytes are not an image that can be read.
    :raises OSError: If its pixels cannot be decoded.
    :raises TooLargeError: If it would have to be shrunk and ``shrink`` is false.
    """
    with open_encoded(data) as image:
        kind = image.format or ""
        if image.width * image.height <= max_pixels and kind in _AS_THEY_ARE:
            return _AS_THEY_ARE[kind], data
        if not shrink:
            raise TooLargeError
        return _shrunk(image, max_pixels)


def _shrunk(image: Image.Image, max_pixels: int) -> tuple[str, bytes]:
    from PIL import Image

    scale = min(1.0, math.sqrt(max_pixels / (image.width * image.height)))
    size = (max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale)))
    opaque = image.format == "JPEG"
    small = image.convert("RGB" if opaque else "RGBA").resize(size, Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if opaque:
        small.save(buffer, "JPEG", quality=_QUALITY)
    else:
        small.save(buffer, "PNG")
    return ((JPEG if opaque else PNG).mime_type), buffer.getvalue()
