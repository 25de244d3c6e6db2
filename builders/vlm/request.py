"""One request to a model: what decides its answer, and the key its answer is stored under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from nyxqa.builders.vlm.prompting import Part, Prompt

KEY_FORMAT = 1
# Room for twenty pairs; the reference allows as much (PAPER, stage 4: max_tokens 4,096).
QUESTION_TOKENS = 4096
Form = Literal["pairs", "answer", "options"]

_STRING = {"type": "string", "maxLength": 400}
_SHAPES: dict[Form, dict[str, Any]] = {
    "pairs": {
        "type": "array",
        "maxItems": 20,
        "items": {
            "type": "object",
            "properties": {"question": _STRING, "answer": _STRING},
            "required": ["question", "answer"],
            "additionalProperties": False,
        },
    },
    "answer": {"type": ["string", "null"], "maxLength": 400},
    "options": {"type": "array", "maxItems": 8, "items": _STRING},
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model draws its words; all of it is part of the key.

    :param tokens: Most tokens of the answer.
    :param max_pixels: Most pixels of an image; larger ones are shrunk.
    """

    tokens: int
    max_pixels: int
    seed: int
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """A filled prompt.

    :param form: Shape of the JSON that is asked for.
    :param parts: Text and pictures in the order the model sees them.
    """

    prompt: Prompt
    form: Form
    parts: tuple[Part, ...]
    sampling: Sampling

    def key(self, model: str) -> str:
        """SHA-256, 64 digits, over all that decides the answer; neither URL nor transport does."""
        content = {
            "format": KEY_FORMAT,
            "model": model,
            "prompt": self.prompt.hash,
            "parts": [["text", p] if isinstance(p, str) else ["image", p.image_id] for p in self.parts],
            "tokens": self.sampling.tokens,
            "max_pixels": self.sampling.max_pixels,
            "seed": self.sampling.seed,
            "temperature": self.sampling.temperature,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    :param truncated: Whether the answer was cut at the limit of tokens.
    :param prompt_tokens: As the server counts them; 0 where it does not say.
    """

    text: str
    truncated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


def schema(form: Form, bounded: bool) -> dict[str, Any]:
    """JSON schema of an answer; the bounded one limits lengths, which not every server takes."""
    shape = {form: _SHAPES[form]}
    whole = {"type": "object", "properties": shape, "required": [form], "additionalProperties": False}
    return whole if bounded else _unbounded(whole)


def _unbounded(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _unbounded(value) for name, value in node.items() if name not in ("maxLength", "maxItems")}
    return node
