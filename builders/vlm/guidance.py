"""What a recipe asks of questions besides the shipped prompts: style, instructions, languages, another prompt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.builders.vlm.prompt import (
    HOPS_PROMPT,
    QUESTION_TYPES,
    TYPES_PROMPT,
    form_hashes,
    guided,
    load_prompt,
    with_part,
)
from nyxqa.schemas.chance import chance
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Synthesize
from nyxqa.schemas.words import words

_MAX_BYTES = 1 << 20  # of a file of examples or of a prompt
_SHOWN = 20  # examples in a prompt
_GRAM = 8  # words in sequence that a question shares with an example only if it echoes it


@dataclass(frozen=True)
class Guidance:
    """Additions to the prompts for questions; empty without any.

    :param added: Text before the form of the answer.
    :param examples: Queries of the user, shown for their style and never to be asked again.
    :param template: Text of the prompt that replaces the shipped one; "" for none.
    :param types: Shares of the types of questions, by their names in alphabetical order; facts if empty.
    :param hops: Number of documents that a question needs.
    """

    added: str = ""
    examples: tuple[str, ...] = ()
    template: str = ""
    types: tuple[tuple[str, float], ...] = ()
    hops: int = 1

    @property
    def needs_model(self) -> bool:
        """Whether no rules can write such questions."""
        return self.changes_prompts or bool(self.examples)

    @property
    def changes_prompts(self) -> bool:
        """Whether the model is asked otherwise than by the shipped prompts; types of facts alone change nothing."""
        return bool(self.added or self.template or self.hops > 1 or self.asks_types)

    @property
    def asks_types(self) -> bool:
        """Whether other questions than facts are asked."""
        return any(name != "fact" for name, _ in self.types)

    def prompts(self) -> dict[str, str]:
        """Texts of the prompts that replace shipped ones, by name; an empty one is not asked."""
        texts = {"questions": load_prompt(HOPS_PROMPT).text, "questions_multi": ""} if self.hops > 1 else {}
        if self.template:
            texts["questions"] = self.template
        if self.added:
            shipped = {name: load_prompt(name).text for name in ("questions", "questions_multi")}
            texts = {name: guided(text, self.added) if text else "" for name, text in (shipped | texts).items()}
        if self.asks_types:
            text = texts.get("questions") or load_prompt("questions").text
            texts["questions"] = with_part(text, load_prompt(TYPES_PROMPT).text)
        return texts

    def params(self) -> dict[str, Any]:
        """What decides the questions, for the parameters of a step."""
        found: dict[str, Any] = {}
        if self.added or self.examples or self.template:
            found = {"added": self.added, "examples": list(self.examples), "template": self.template}
        if self.types:
            found["types"] = dict(self.types)
        if self.asks_types:
            found["types_prompt"] = load_prompt(TYPES_PROMPT).hash
            found["forms"] = [form_hashes("list"), form_hashes("long")]
        if self.hops > 1:
            found["hops"] = [self.hops, load_prompt(HOPS_PROMPT).hash]
        return found

    def drawn_types(self, seed: int, document: str, limit: int) -> tuple[tuple[str, int], ...]:
        """The types of ``limit`` questions about a document, each drawn by keyed hash; none where all are facts."""
        if not self.asks_types:
            return ()
        drawn = Counter(
            _drawn(self.types, chance(seed, "synthesize/types", f"{document}:{number}")) for number in range(limit)
        )
        return tuple((name, drawn[name]) for name in QUESTION_TYPES if drawn[name])

    def echoes(self, question: str) -> bool:
        """Whether ``question`` shares eight words in sequence with an example, or all words of a shorter one."""
        grams = _grams(question)
        return any(grams & _grams(example) or words(question) == words(example) for example in self.examples)


NO_GUIDANCE = Guidance()


def _drawn(shares: Sequence[tuple[str, float]], place: float) -> str:
    """The type at ``place`` in [0, 1) of the types laid one after another by their shares."""
    positive = [(name, share) for name, share in shares if share > 0]
    end = 0.0
    for name, share in positive:
        end += share
        if place < end:
            return name
    return positive[-1][0]


def read_guidance(settings: Synthesize) -> Guidance:
    """The guidance of a recipe.

    :raises UsageError: If a file cannot be read, is too large, or is not a prompt.
    """
    examples = _examples(_text(settings.style, "style")) if settings.style else ()
    template = _text(settings.prompt, "prompt").strip() if settings.prompt else ""
    if settings.prompt and "{document}" not in template:
        raise UsageError(
            f"synthesize.prompt: {settings.prompt} has no {{document}}, the place where the document is put"
        )
    parts: list[str] = []
    if settings.languages:
        languages = ", ".join(settings.languages)
        parts.append(f"Write questions and answers in these languages, whatever that of the document: {languages}")
    if settings.instructions:
        parts.append(settings.instructions.strip())
    if examples:
        parts.append("Ask in the style of these queries, about the document alone; never repeat one of them:")
        parts[-1] += "".join(f"\n- {example}" for example in examples[:_SHOWN])
    types = tuple(sorted((name, share) for name, share in settings.types.items() if share > 0))
    return Guidance("\n".join(parts), examples, template, types, settings.hops)


def _text(name: str, key: str) -> str:
    try:
        if Path(name).stat().st_size > _MAX_BYTES:
            raise UsageError(f"synthesize.{key}: {name} is larger than 1 MiB; name a shorter file")
        return Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"synthesize.{key}: cannot read {name} as UTF-8 text: {error}") from error


def _examples(text: str) -> tuple[str, ...]:
    """One query a line; in JSON lines the field ``question`` or ``query``."""
    found = (_example(line.strip()) for line in text.splitlines())
    return tuple(dict.fromkeys(example for example in found if example))


def _example(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        row = json.loads(line)
    except ValueError:
        return line
    named = [row[name] for name in ("question", "query") if isinstance(row.get(name), str)]
    return " ".join(named[0].split()) if named else ""


def _grams(text: str) -> set[tuple[str, ...]]:
    tokens: Sequence[str] = words(text)
    return {tuple(tokens[start : start + _GRAM]) for start in range(len(tokens) - _GRAM + 1)}
