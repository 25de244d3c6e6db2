"""One request to a model: what decides its answer, and the key its answer is stored under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from nyxqa.builders.vlm.prompt import Prompt, PromptPart

KEY_FORMAT = 2
# Room for twenty pairs; the reference allows as much (Nyx step 4: max_tokens 4,096).
QUESTION_TOKENS = 4096
ResponseForm = Literal["pairs", "answer", "options"]

# Characters. A small model held to a grammar repeats itself for as long as a string may go on, so each has an end; what
# a person would ask or answer is shorter by far. What is exactly as long was cut there, and is no answer.
QUESTION_BOUND, ANSWER_BOUND, SHORT_BOUND = 300, 200, 120
_BOUNDS = frozenset({"maxLength", "minItems", "maxItems"})


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
class ChatRequest:
    """A filled prompt.

    :param form: Shape of the JSON that is asked for.
    :param parts: Text and pictures in the order the model sees them.
    :param most: Most items of the list that is asked for; of options there must be as many. The prompt names it too.
    """

    prompt: Prompt
    form: ResponseForm
    parts: tuple[PromptPart, ...]
    sampling: Sampling
    most: int = 1

    def key(self, model: str) -> str:
        """SHA-256, 64 digits, over all that decides the answer; neither URL nor transport does."""
        content = {
            "format": KEY_FORMAT,
            "model": model,
            "prompt": self.prompt.hash,
            "most": self.most,
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
    :param prompt_tokens: As the server counts them; 0 where it does not say.
    """

    text: str
    truncated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


def response_schema(request: ChatRequest, bounded: bool) -> dict[str, Any]:
    """JSON schema of an answer; the bounded one limits lengths, which not every server takes."""
    shape = {request.form: _shape(request)}
    whole = {"type": "object", "properties": shape, "required": [request.form], "additionalProperties": False}
    return whole if bounded else _unbounded(whole)


def _shape(request: ChatRequest) -> dict[str, Any]:
    if request.form == "answer":
        return {"type": ["string", "null"], "maxLength": SHORT_BOUND}
    if request.form == "options":
        return {"type": "array", "minItems": request.most, "maxItems": request.most, "items": _string(SHORT_BOUND)}
    pair = {
        "type": "object",
        "properties": {"question": _string(QUESTION_BOUND), "answer": _string(ANSWER_BOUND)},
        "required": ["question", "answer"],
        "additionalProperties": False,
    }
    return {"type": "array", "maxItems": request.most, "items": pair}


def _string(most: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def _unbounded(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _unbounded(value) for name, value in node.items() if name not in _BOUNDS}
    return node
