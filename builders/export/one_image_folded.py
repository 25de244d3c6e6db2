"""Sides for targets that hold one image a side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nyxqa.builders.export.dataset import Row
from nyxqa.schemas.content import PLACEHOLDER, plain_text

REASON = "further_images"


@dataclass(frozen=True)
class OneImage:
    """A side as text without placeholders, its first image, and the others."""

    text: str
    image: bytes | None
    further: tuple[bytes, ...]


def one_image(side: Row, note: Callable[[str], None]) -> OneImage:
    """The side in that form; ``note`` takes a line if it had more images than one."""
    images = side["images"]
    text = plain_text(side["text"]) if PLACEHOLDER in side["text"] else side["text"]
    if len(images) > 1:
        note(f"{len(images)} images, the target takes the first; the others are in the column of further images")
    return OneImage(text, images[0] if images else None, tuple(images[1:]))
