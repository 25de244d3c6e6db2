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
# How the form of an answer is asked for, from the strictest to none: servers differ in what they accept. "nullable" has
# no lists of types, "plain" has one type for each value and no keyword beyond type, properties, items and required.
SchemaLevel = Literal["bounded", "unbounded", "nullable", "plain", "object", "none"]

# Maximum lengths in characters. A small model constrained by a grammar may repeat itself for as long as the string may
# continue; real questions and answers are far shorter. A string of exactly this length was cut and is discarded.
QUESTION_BOUND, ANSWER_BOUND, SHORT_BOUND = 300, 200, 120
LONG_BOUND = 900  # of an answer in sentences or of many items, and of a fact of one
# ``limit`` of a request for an answer that may bring the rewritten question as well.
WITH_QUESTION = 2
MOST_NUGGETS = 6
_BOUNDS = frozenset({"maxLength", "minItems", "maxItems"})
_BEYOND_PLAIN = _BOUNDS | {"additionalProperties"}


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
        ``WITH_QUESTION`` for an answer that may come with a question.
    :param long: Whether answers may have several sentences or items; pairs then say their type and nuggets.
    """

    prompt: Prompt
    form: ResponseForm
    parts: tuple[PromptPart, ...]
    sampling: Sampling
    limit: int = 1
    long: bool = False

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
            **({"long": True} if self.long else {}),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model answered.

    :param truncated: Whether the answer was cut at the limit of tokens.
    :param left_out: Ids of images that the server refused, so that the model did not see them.
    :param prompt_tokens: As the server counts them; 0 if it does not report them.
    """

    text: str
    truncated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    left_out: tuple[str, ...] = ()


def response_schema(form: ResponseForm, limit: int, level: SchemaLevel, long: bool = False) -> dict[str, Any]:
    """JSON schema of an answer.

    :param limit: Maximum number of items of the requested list; of options exactly so many.
    :param long: Whether answers may have several sentences or items; pairs then say their type and nuggets.
    """
    shape: dict[str, Any] = {form: _shape(form, limit, long)}
    if form == "answer" and limit == WITH_QUESTION:
        shape["question"] = {"type": ["string", "null"], "maxLength": QUESTION_BOUND}
    # Strict schemas require every field; one that may be missing is null.
    required = [form] if level == "plain" else list(shape)
    schema = {"type": "object", "properties": shape, "required": required, "additionalProperties": False}
    if level == "bounded":
        return schema
    return dict(_simplified(schema, level))


def _shape(form: ResponseForm, limit: int, long: bool) -> dict[str, Any]:
    if form == "answer":
        return {"type": ["string", "null"], "maxLength": LONG_BOUND if long else SHORT_BOUND}
    if form == "options":
        return {"type": "array", "minItems": limit, "maxItems": limit, "items": _string(SHORT_BOUND)}
    properties = {"question": _string(QUESTION_BOUND), "answer": _string(LONG_BOUND if long else ANSWER_BOUND)}
    if long:
        nuggets = {"type": "array", "maxItems": MOST_NUGGETS, "items": _string(LONG_BOUND)}
        properties |= {"type": {"type": "string"}, "nuggets": nuggets}
    pair = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "array", "maxItems": limit, "items": pair}


def _string(max_length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": max_length}


def _simplified(node: Any, level: SchemaLevel) -> Any:
    if not isinstance(node, dict):
        return node
    left_out = _BEYOND_PLAIN if level == "plain" else _BOUNDS
    simple = {name: _simplified(value, level) for name, value in node.items() if name not in left_out}
    types = simple.get("type")
    if isinstance(types, list) and level == "nullable":
        return {**{n: v for n, v in simple.items() if n != "type"}, "anyOf": [{"type": name} for name in types]}
    if isinstance(types, list) and level == "plain":
        simple["type"] = types[0]
    return simple
