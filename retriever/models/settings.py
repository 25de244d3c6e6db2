"""Settings of an embedder: how a checkpoint's states become vectors, stored in a TOML file beside its weights."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nyxqa.schemas.errors import UsageError, nearest
from nyxqa.schemas.files import write_bytes

SETTINGS_FILE = "embedder.toml"
# Pixels under one image token: a patch of 14 x 14, of which 2 x 2 are merged (Qwen2.5-VL).
TOKEN_PIXELS = 28 * 28
# 640 tokens an image in the Nyx code, 400 in the Nyx paper.
MAX_PIXELS = {"code": 640 * TOKEN_PIXELS, "paper": 400 * TOKEN_PIXELS}
# Nyx step 4, and training in the Nyx code: at least 4 tokens an image.
MIN_PIXELS = 4 * TOKEN_PIXELS

Pooling = Literal["last", "mean", "cls"]

_FOLDER = Path(__file__).parent / "known"
_NAMES, _UNSUPPORTED = "names", "unsupported"


class EmbedderSettings(BaseModel):
    """How inputs are written and states become vectors; docs/encoders.md describes each key.

    :param pooling: Which state is the vector: of the last token, the first, or the mean over all.
    :param normalise: Whether searched vectors have unit length.
    :param dimensions: First dimensions that are searched (Matryoshka); 0 for all.
    :param images: Whether images are seen; otherwise text and captions are read.
    :param image_token: Text that represents an image.
    :param max_text_tokens: Where texts are cut; tokens of images are not counted and never cut.
    :param min_pixels: Pixels an image is enlarged to.
    :param max_pixels: Pixels an image is shrunk to.
    :param padding: The side on which shorter rows of a batch are padded.
    :param template: Text around an input; ``{text}`` is the input with its prefix, ``{instruction}`` its instruction.
    :param query_prefix: Before each query, before its instruction, which is within it where it has ``{instruction}``.
    :param document_prefix: Before each document.
    :param query_instruction: Instruction of queries that bring none; a line before the query.
    :param document_instruction: Instruction of documents; a line before the document.
    :param base: Name or path of the base checkpoint, where the folder holds only an adapter.
    :param base_revision: Its commit on the Hub.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = "last"
    normalise: bool = True
    dimensions: int = Field(default=0, ge=0)
    images: bool = True
    image_token: str = Field(default="<|vision_start|><|image_pad|><|vision_end|>", min_length=1)
    # The reference has no limit but the tokenizer's; documents of the paper have 200 text tokens.
    max_text_tokens: int = Field(default=1_024, ge=1)
    min_pixels: int = Field(default=MIN_PIXELS, ge=1)
    max_pixels: int = Field(default=MAX_PIXELS["code"], ge=1)
    padding: Literal["left", "right"] = "right"
    template: str = "{text}"
    query_prefix: str = ""
    document_prefix: str = ""
    # Training queries of the Nyx code carry no instruction; Nyx step 11 sets one on a line before the query.
    query_instruction: str = ""
    document_instruction: str = ""
    base: str = ""
    base_revision: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> EmbedderSettings:
        if self.template.count("{text}") != 1:
            raise ValueError(f"template must hold {{text}} once, not {self.template!r}")
        if (self.template + self.query_prefix).count("{instruction}") > 1:
            raise ValueError("template and query_prefix may hold {instruction} once, not more")
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels ({self.min_pixels}) is above max_pixels ({self.max_pixels})")
        return self


def read_settings(folder: Path, overrides: Mapping[str, Any] | None = None) -> EmbedderSettings:
    """Settings in ``folder``, defaults for what is not there, with ``overrides`` applied.

    :raises UsageError: If the file is not TOML, or a key or value is not valid.
    """
    file = folder / SETTINGS_FILE
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return EmbedderSettings.model_validate({**found, **(overrides or {})})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file.name} of {folder.name}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise UsageError(f"{file.name} of {folder.name}: {_explain(error)}") from error


def write_settings(settings: EmbedderSettings, folder: Path) -> None:
    """Write ``settings`` into ``folder``."""
    import tomli_w

    write_bytes(folder / SETTINGS_FILE, tomli_w.dumps(settings.model_dump()).encode())


def _explain(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key {key!r}{nearest(key, list(EmbedderSettings.model_fields))}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{key} = {fault['input']!r}: {message}" if key else message


def known_settings(model: str) -> dict[str, Any] | None:
    """The settings of a model, or None if it is not among the known ones; names are compared without case.

    :raises UsageError: If it is known, and cannot be read by its settings alone.
    """
    found = _known().get(model.lower())
    if found is not None and _UNSUPPORTED in found:
        raise UsageError(f"hf:{model}: {found[_UNSUPPORTED]}")
    return None if found is None else dict(found)


def known_names() -> list[str]:
    """Names of all known models, as they spell themselves."""
    return [name for file in _files() for name in tomllib.loads(file.read_text(encoding="utf-8"))[_NAMES]]


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    for file in _files():
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
        names = settings.pop(_NAMES)
        known |= {name.lower(): settings for name in names}
    return known


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.toml"))
