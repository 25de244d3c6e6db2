"""A request to an endpoint: everything that decides its answer, the key of the stored answer, the JSON schema."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from nyxqa.builders.vlm.prompt import Prompt, PromptPart

KEY_FORMAT = 2
# Enough for twenty pairs; the same as the reference (Nyx step 4: max_tokens 4,096).
QUESTION_TOKENS = 4096
ResponseForm = Literal["pairs", "answer", "options"]

# Maximum lengths in characters. A small model constrained by a grammar may repeat itself for as long as the string may
# continue; real questions and answers are far shorter. A string of exactly this length was cut and is discarded.
QUESTION_BOUND, ANSWER_BOUND, SHORT_BOUND = 300, 200, 120
_BOUNDS = frozenset({"maxLength", "minItems", "maxItems"})


@dataclass(frozen=True, slots=True)
class Sampling:
    """Decoding parameters; all of them are part of the key.

    :param tokens: Maximum number of tokens of the answer.
    :param max_pixels: Maximum number of pixels of an image; larger ones are shrunk.
    """

    tokens: int
    max_pixels: int
    seed: int
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A filled prompt.

    :param form: Field of the JSON object that is requested.
    :param parts: Text and images in the order in which the model sees them.
    :param limit: Maximum number of items of the requested list; of options exactly so many. The prompt names it too.
    """

    prompt: Prompt
    form: ResponseForm
    parts: tuple[PromptPart, ...]
    sampling: Sampling
    limit: int = 1

    def key(self, model: str) -> str:
        """SHA-256, 64 hex digits, over everything that decides the answer; URL and transport do not."""
        content = {
            "format": KEY_FORMAT,
            "model": model,
            "prompt": self.prompt.hash,
            "most": self.limit,
            "parts": [["text", p] if isinstance(p, str) else ["image", p.image_id] for p in self.parts],
            "tokens": self.sampling.tokens,
            "max_pixels": self.sampling.max_pixels,
            "seed": self.sampling.seed,
            "temperature": self.sampling.temperature,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model answered.

    :param truncated: Whether the answer was cut at the limit of tokens.
    :param prompt_tokens: As the server counts them; 0 if it does not report them.
    """

    text: str
    truncated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


def response_schema(request: ChatRequest, bounded: bool) -> dict[str, Any]:
    """JSON schema of an answer; the bounded one limits lengths, which not every server supports."""
    shape = {request.form: _shape(request)}
    schema = {"type": "object", "properties": shape, "required": [request.form], "additionalProperties": False}
    return schema if bounded else _unbounded(schema)


def _shape(request: ChatRequest) -> dict[str, Any]:
    if request.form == "answer":
        return {"type": ["string", "null"], "maxLength": SHORT_BOUND}
    if request.form == "options":
        return {"type": "array", "minItems": request.limit, "maxItems": request.limit, "items": _string(SHORT_BOUND)}
    pair = {
        "type": "object",
        "properties": {"question": _string(QUESTION_BOUND), "answer": _string(ANSWER_BOUND)},
        "required": ["question", "answer"],
        "additionalProperties": False,
    }
    return {"type": "array", "maxItems": request.limit, "items": pair}


def _string(max_length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": max_length}


def _unbounded(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _unbounded(value) for name, value in node.items() if name not in _BOUNDS}
    return node
