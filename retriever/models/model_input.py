"""Model input: a text with prefix, instruction, template and image tokens, and images of bounded shape."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.models.settings import EmbedderSettings
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import PLACEHOLDER, check_content, plain_text
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.images.decode import ImageDecodeError, open_encoded

if TYPE_CHECKING:
    from PIL.Image import Image

_INSTRUCTION = "{instruction}"
_FIELD = re.compile(r"\{(text|instruction)\}")

# Qwen2.5-VL takes images whose longer side is under 200 times the shorter.
_MOST_RATIO = 199


@dataclass(frozen=True, slots=True)
class InputText:
    """An input as one string.

    :param text: With the model's own token for each image.
    :param cut: Text tokens that were left out.
    """

    text: str
    cut: int


class InputTextWriter:
    """Turns inputs into strings.

    :param tokenizer: The model's, a fast one.
    :param settings: Of the embedder.
    """

    def __init__(self, tokenizer: Any, settings: EmbedderSettings) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        specials = sorted({str(token) for token in tokenizer.added_tokens_decoder.values()}, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, specials))) if specials else None

    def write(self, content: ModelInput) -> InputText:
        """The input within template and prefix; only its own text is ever truncated.

        :raises ContentError: If placeholders and images differ in number.
        """
        settings = self._settings
        if settings.images:
            check_content(content.text, len(content.images))
            pieces = content.text.split(PLACEHOLDER)
        else:
            pieces = [plain_text(content.text) if PLACEHOLDER in content.text else content.text]
        shortened, cut = self._cut([self._literal(piece) for piece in pieces])
        instruction = self._instruction(content)
        body = self._before(content, instruction) + settings.image_token.join(shortened)
        return InputText(_filled(settings.template, {"text": body, "instruction": instruction}), cut)

    def _instruction(self, content: ModelInput) -> str:
        if content.role == "document":
            return self._settings.document_instruction
        return self._literal(content.instruction) or self._settings.query_instruction

    def _before(self, content: ModelInput, instruction: str) -> str:
        """Prefix and instruction, which is a line of its own where neither prefix nor template has a place for it."""
        prefix = self._settings.document_prefix if content.role == "document" else self._settings.query_prefix
        if _INSTRUCTION in prefix:
            return prefix.replace(_INSTRUCTION, instruction)
        return prefix + (f"{instruction}\n" if instruction and _INSTRUCTION not in self._settings.template else "")

    def _literal(self, text: str) -> str:
        """``text`` without special tokens of the model: a space is inserted after the first letter of each."""
        return self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text) if self._special else text

    def _cut(self, pieces: Sequence[str]) -> tuple[list[str], int]:
        """The pieces truncated to the token limit, later ones empty, and the number of tokens removed."""
        left = self._settings.max_text_tokens
        # A token covers at least one byte.
        if sum(len(piece.encode("utf-8", "replace")) for piece in pieces) <= left:
            return list(pieces), 0
        shortened: list[str] = []
        cut = 0
        for piece in pieces:
            spans = self._spans(piece)
            cut += max(0, len(spans) - left)
            shortened.append(self._shortened(piece, spans, left))
            left = max(0, left - len(spans))
        return shortened, cut

    def _shortened(self, piece: str, spans: list[tuple[int, int]], most: int) -> str:
        """The piece truncated after its ``most``-th token; the shorter text may have other tokens, hence the loop."""
        while len(spans) > most:
            end = spans[most - 1][1] if most else 0
            piece = piece[: min(end, len(piece) - 1)]
            spans = self._spans(piece)
        return piece

    def _spans(self, piece: str) -> list[tuple[int, int]]:
        found = self._tokenizer(piece, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return list(found["offset_mapping"])


def _filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its fields replaced at once: a value that holds a field's name stays as it is."""
    return _FIELD.sub(lambda found: values[found[1]], template)


def pil_image(image: Any) -> Image:
    """The image in encoded bytes, of which only the header is read; a decoded image is returned unchanged.

    :raises WorldError: If the bytes are not an image.
    """
    from PIL import Image

    if isinstance(image, Image.Image):
        return image
    try:
        return open_encoded(image)
    except ImageDecodeError as error:
        raise WorldError(f"an image of {len(image)} bytes cannot be read: {error}; build the dataset again") from error


def rgb_image(image: Any) -> Image:
    """The image decoded to RGB over white; one too narrow for a model is widened.

    :raises WorldError: If it cannot be decoded.
    """
    from PIL import Image

    picture = pil_image(image)
    try:
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            layered = picture.convert("RGBA")
            picture = Image.new("RGB", layered.size, "white")
            picture.paste(layered, mask=layered.getchannel("A"))
        else:
            picture = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WorldError(f"an image cannot be decoded: {error}; build the dataset again") from error
    size = bounded_shape(*picture.size)
    return picture if size == picture.size else picture.resize(size)


def bounded_shape(width: int, height: int) -> tuple[int, int]:
    """Width and height, the shorter side raised to the minimum that models accept."""
    least = math.ceil(max(width, height) / _MOST_RATIO)
    return max(width, least), max(height, least)


def shrink(picture: Image, max_pixels: int) -> Image:
    """The image with at most ``max_pixels``, its aspect ratio unchanged."""
    width, height = picture.size
    if width * height <= max_pixels:
        return picture
    scale = math.sqrt(max_pixels / (width * height))
    return picture.resize((max(1, math.floor(width * scale)), max(1, math.floor(height * scale))))
