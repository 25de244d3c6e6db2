"""Images of an export: files named by their content, or addresses that carry their own bytes."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from nyxqa.schemas.files import write_bytes

_KINDS = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG", "png"), (b"RIFF", "webp"))
_SUFFIXES = {"jpeg": "jpg"}


def kind_of_image(data: bytes) -> str:
    """``jpeg``, ``png`` or ``webp``: what a dataset stores."""
    return next((kind for magic, kind in _KINDS if data.startswith(magic)), "png")


def data_uri(data: bytes) -> str:
    """The image as a ``data:`` URI."""
    return f"data:image/{kind_of_image(data)};base64,{base64.b64encode(data).decode('ascii')}"


class ImageFiles:
    """Image files below ``images/``, each content once.

    :param folder: Folder of the export.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, data: bytes) -> str:
        """Path of the image relative to the folder; it is written on first sight."""
        kind = kind_of_image(data)
        name = hashlib.sha256(data).hexdigest()
        path = f"images/{name[:2]}/{name}.{_SUFFIXES.get(kind, kind)}"
        if not (self.folder / path).exists():
            write_bytes(self.folder / path, data)
        return path
