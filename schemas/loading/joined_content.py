"""Text and images of a query or document in a joined row, checked, with images in the requested form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from nyxqa.schemas.content import check_content
from nyxqa.schemas.errors import ContentError, FormatError, LawError
from nyxqa.schemas.images.decode import ImageDecodeError, open_encoded
from nyxqa.schemas.loading.image_fetch import fetch_image

ImagesMode = Literal["decode", "bytes", "none"]
JoinedContent = dict[str, Any]


def joined_content(text: str, images: list[Any], row: str) -> JoinedContent:
    """``{"text", "images"}``, checked: as many images as placeholders.

    :param row: The row that they are of, for errors.
    :raises LawError: Naming the row that breaks it.
    """
    try:
        check_content(text, len(images))
    except ContentError as error:
        raise LawError(f"row {row}: {error}") from error
    return {"text": text, "images": images}


def open_image(data: bytes | None, what: str) -> Any:
    """A picture whose header is read now and whose pixels are decoded when they are first asked for.

    :param what: What it is an image of, for errors.
    :raises FormatError: If the bytes are not an image of a format that a build reads, or it has too many pixels.
    """
    if data is None:
        raise FormatError(f"{what}: it has neither bytes nor an address")
    try:
        return open_encoded(data)
    except ImageDecodeError as error:
        raise FormatError(f"{what}: an image cannot be decoded: {error}") from error


def list_bytes(stored: pa.ListScalar) -> list[bytes]:
    """Encoded images of one row; those published by address are fetched.

    :raises WorldError: If one cannot be fetched.
    """
    data = stored.values.field("bytes").to_pylist()
    paths = stored.values.field("path").to_pylist()
    return [fetch_image(path) if one is None else one for one, path in zip(data, paths, strict=True)]


def image_bytes(image: Mapping[str, Any]) -> Any:
    """Bytes of a stored image, fetched if only its address is there.

    :raises WorldError: If it cannot be fetched.
    """
    if image["bytes"] is None and image["path"]:
        return fetch_image(image["path"])
    return image["bytes"]


def decode_images(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Stored columns with every image, however deep, as a picture, fetched where only its address is there.

    :raises WorldError: If one cannot be fetched.
    """
    return {name: _opened(column) for name, column in batch.items()}


def _opened(value: Any) -> Any:
    if isinstance(value, list):
        return [_opened(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"bytes", "path"}:
        return open_image(image_bytes(value), value["path"] or "an image")
    return {name: _opened(item) for name, item in value.items()}
