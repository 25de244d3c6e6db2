"""Sides with pictures of one colour."""

from __future__ import annotations

import io

from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import PLACEHOLDER


def picture(colour: str, width: int = 60, height: int = 40) -> bytes:
    """A PNG of a frame in ``colour``."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((4, 4, width // 2, height // 2), fill=colour)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def shown(text: str, *colours: str, role: str = "document", instruction: str = "") -> ModelInput:
    """A side whose ``*`` stand for pictures of ``colours``; each colour has its own size."""
    images = tuple(picture(colour, 50 + 10 * len(colour), 40) for colour in colours)
    return ModelInput(text.replace("*", PLACEHOLDER), images, "query" if role == "query" else "document", instruction)
