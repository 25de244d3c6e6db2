"""What a recipe asks of questions besides the shipped prompts: style, instructions, languages, another prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.vlm.prompt import guided, load_prompt
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.recipe import Synthesize
from nyxqa.schemas.words import words

_MAX_BYTES = 1 << 20  # of a file of examples or of a prompt
_SHOWN = 20  # examples in a prompt
_GRAM = 8  # words in sequence that a question shares with an example only if it echoes it


@dataclass(frozen=True)
class Guidance:
    """Additions to the prompts for questions; empty without any.

    :param added: Text that stands before the form of the answer.
    :param examples: Queries of the user, shown for their style and never to be asked again.
    :param template: Text of the prompt that replaces the shipped one; "" for none.
    """

    added: str = ""
    examples: tuple[str, ...] = ()
    template: str = ""

    def prompts(self) -> dict[str, str]:
        """Texts of the prompts that replace shipped ones, by name."""
        texts = {"questions": self.template} if self.template else {}
        if self.added:
            shipped = {name: load_prompt(name).text for name in ("questions", "questions_multi")}
            texts = {name: guided(text, self.added) for name, text in (shipped | texts).items()}
        return texts

    def echoes(self, question: str) -> bool:
        """Whether ``question`` shares eight words in sequence with an example, or all words of a shorter one."""
        grams = _grams(question)
        return any(grams & _grams(example) or words(question) == words(example) for example in self.examples)


NO_GUIDANCE = Guidance()


def read_guidance(settings: Synthesize) -> Guidance:
    """The guidance of a recipe.

    :raises UsageError: If a file cannot be read, is too large, or is no prompt.
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
    return Guidance("\n".join(parts), examples, template)


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
