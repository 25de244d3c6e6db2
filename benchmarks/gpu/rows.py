"""Random documents, images and training rows in the shares of the Nyx paper."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from typing import Any

WORDS = ("river", "mill", "bridge", "tower", "harbour", "station", "the", "of", "a", "near", "old", "stands", "built")


def documents(count: int, options: argparse.Namespace, images: Sequence[int] = (63, 30, 7)) -> list[Any]:
    """Documents with no, one and two images in these shares, in an order that mixes them."""
    import numpy as np

    from nyxqa.retriever.protocols import ModelInput
    from nyxqa.schemas.content import PLACEHOLDER

    drawn = np.random.default_rng(0)
    made = []
    for number in drawn.choice(len(images), count, p=np.array(images) / sum(images)):
        text = text_of(drawn, 12 if options.tiny else options.text) + f" {PLACEHOLDER}" * int(number)
        made.append(ModelInput(text, tuple(picture(drawn, options) for _ in range(number))))
    return made


def text_of(drawn: Any, tokens: int) -> str:
    """A text of so many tokens."""
    return "".join(f" {WORDS[number]}" for number in drawn.integers(0, len(WORDS), tokens))


def picture(drawn: Any, options: argparse.Namespace) -> bytes:
    """A JPEG of 400 tokens: smooth colours, as photographs compress."""
    from PIL import Image

    side = 56 if options.tiny else 560
    small = Image.fromarray(drawn.integers(0, 256, (8, 8, 3), dtype="uint8"))
    stream = io.BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).save(stream, format="JPEG")
    return stream.getvalue()


def examples(count: int, options: argparse.Namespace) -> list[Any]:
    """Rows with one positive and one negative each (Nyx paper: negative ratio 1)."""
    import numpy as np

    from nyxqa.retriever.protocols import ModelInput
    from nyxqa.retriever.training.examples import Document, Example

    drawn = np.random.default_rng(1)
    shown = [Document(f"d{number}", one) for number, one in enumerate(documents(2 * count, options))]
    return [
        Example(
            str(row),
            "random",
            ModelInput(text_of(drawn, 24), role="query"),
            (shown[row],),
            (shown[count + row],),
            frozenset({shown[row].id}),
        )
        for row in range(count)
    ]
