"""Images as models take them: data URIs of PNG or JPEG, neither too small nor too thin, within the pixel budget."""

from __future__ import annotations

import base64
import math
import threading
from collections import OrderedDict
from io import BytesIO
from typing import TYPE_CHECKING

from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.images.decode import open_encoded
from nyxqa.schemas.images.formats import JPEG, PNG

if TYPE_CHECKING:
    from PIL import Image

# Models refuse sides below their patch factor (28 pixels for Qwen2.5-VL, 32 for Qwen3-VL) and sides of more than
# 200 : 1; a margin is left for their own rounding.
MIN_SIDE = 32
MAX_RATIO = 150
MIN_BUDGET = 4 * MIN_SIDE**2  # pixels; a smaller budget was set for a model that sees less than these do
_JPEG_QUALITY = 90
# llama.cpp, Ollama and LM Studio cannot read WebP.
_SENT_UNCHANGED = {known.name: known.mime_type for known in (JPEG, PNG)}
_OPAQUE = ("RGB", "L", "YCbCr", "CMYK")
_MODES = {"PNG": ("1", "L", "LA", "P", "RGB", "RGBA"), "JPEG": ("L", "RGB")}


class TooLargeError(Exception):
    """An image has to be encoded again and the caller did not allow it."""


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
        """The image as a data URI of at most ``max_pixels``; one that can be sent as it is is not decoded.

        :raises ImageDecodeError: If the bytes are not a readable image.
        :raises OSError: If its pixels cannot be decoded.
        :raises TooLargeError: If it would have to be encoded again and ``shrink`` is false.
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
    """MIME type and bytes of an image that models take, as large as ``max_pixels`` allow.

    A larger image is shrunk, keeping its aspect ratio; one with a side below 32 pixels, or of more than 150 : 1, is
    padded with white.

    :raises ImageDecodeError: If the bytes are not a readable image.
    :raises OSError: If its pixels cannot be decoded.
    :raises TooLargeError: If it would have to be encoded again and ``shrink`` is false.
    """
    with open_encoded(data) as image:
        name = image.format or ""
        picture, canvas = fitted_sizes(image.size, max_pixels)
        if picture == canvas == image.size and image.mode in _MODES.get(name, ()):
            return _SENT_UNCHANGED[name], data
        if not shrink:
            raise TooLargeError
        return _encoded(image, picture, canvas)


def fitted_sizes(size: tuple[int, int], max_pixels: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height of the picture, and of the white canvas around it, which are equal where nothing is padded.

    Nothing is padded below ``MIN_BUDGET``.
    """
    pads = max_pixels >= MIN_BUDGET
    thinnest = math.ceil(max(size) / MAX_RATIO) if pads else 1
    canvas = [max(side, thinnest) for side in size]
    scale = min(1.0, math.sqrt(max_pixels / (canvas[0] * canvas[1])))
    width, height = (max(1, math.floor(side * scale)) for side in size)
    smallest = max(MIN_SIDE, math.ceil(max(width, height) / MAX_RATIO)) if pads else 1
    return (width, height), (max(width, smallest), max(height, smallest))


def _encoded(image: Image.Image, size: tuple[int, int], canvas: tuple[int, int]) -> tuple[str, bytes]:
    from PIL import Image

    lossy = image.format == "JPEG" or (image.format == "WEBP" and image.mode in _OPAQUE)
    picture = image.convert("RGB" if lossy else "RGBA")
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if canvas != size:
        padded = Image.new("RGB", canvas, "white")
        padded.paste(picture, (0, 0), picture if picture.mode == "RGBA" else None)
        picture = padded
    buffer = BytesIO()
    if lossy:
        picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    else:
        picture.save(buffer, "PNG")
    return (JPEG if lossy else PNG).mime_type, buffer.getvalue()
