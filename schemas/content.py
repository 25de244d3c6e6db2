"""Content: text with a placeholder for each image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

from nyxqa.schemas.errors import ContentError

PLACEHOLDER = "<|image|>"

Kind = Literal["text", "single", "multi"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Image = TypeVar("Image")


@dataclass(frozen=True, slots=True)
class Content(Generic[Image]):
    """Text and the images of its placeholders, in order.

    :param text: Text with one ``<|image|>`` per image.
    :param images: One image for each placeholder: ids, bytes or decoded pictures, as the caller chooses.
    :raises ContentError: If the numbers of placeholders and images differ.
    """

    text: str
    images: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        check_content(self.text, len(self.images))

    @property
    def kind(self) -> Kind:
        """``text``, ``single`` or ``multi`` by the number of images (the groups of Nyx step 3)."""
        return kind_of(len(self.images))

    def parts(self) -> Iterator[str | Image]:
        """Yield text pieces and images in order; empty text pieces are left out."""
        pieces = self.text.split(PLACEHOLDER)
        for index, piece in enumerate(pieces):
            if index:
                yield self.images[index - 1]
            if piece:
                yield piece


def check_content(text: str, images: int) -> None:
    """Check that ``text`` holds exactly ``images`` placeholders.

    :raises ContentError: If not; the message has both numbers and the start of the text.
    """
    placeholders = text.count(PLACEHOLDER)
    if placeholders != images:
        raise ContentError(f"{placeholders} placeholders but {images} images in {text[:60]!r}")


def kind_of(images: int) -> Kind:
    """Name of a content's kind by its number of images."""
    return "text" if images == 0 else "single" if images == 1 else "multi"


def plain_text(text: str) -> str:
    """The text without its placeholders; white space around each is folded to one space."""
    return " ".join(piece.strip() for piece in text.split(PLACEHOLDER) if piece.strip())
