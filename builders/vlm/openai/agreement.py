"""What was agreed with a server for each form of request, kept beside the stored answers.

It decides how a request is spelled, never what is asked, so it enters no fingerprint and no request key.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from nyxqa.builders.vlm.openai.request import ResponseForm, SchemaLevel
from nyxqa.schemas.files import write_json

AGREEMENTS = "agreements.json"

_FORMAT_NAMES: dict[SchemaLevel, str] = {
    "bounded": "a JSON schema with bounds",
    "unbounded": "a JSON schema without bounds",
    "nullable": "a JSON schema without bounds and lists of types",
    "plain": "a plain JSON schema",
    "object": "a JSON object without a schema",
    "none": "no response format",
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How requests of one form are spelled.

    :param limit: Name of the parameter that limits the tokens of an answer; empty to leave it out.
    :param omitted: Parameters that are left out.
    :param level: How the form of the answer is asked for.
    :param streamed: Whether the answer is asked for as a stream.
    :param images: Maximum number of images of a request, if the server has one.
    :param tokens: Maximum number of tokens of an answer, if the server has one.
    :param larger: Whether the limit of tokens is raised at once: the model reasons before it answers.
    :param confirmed: Whether a request spelled like this was answered.
    """

    limit: Literal["max_tokens", "max_completion_tokens", ""] = "max_tokens"
    omitted: tuple[str, ...] = ()
    level: SchemaLevel = "bounded"
    streamed: bool = False
    images: int | None = None
    tokens: int | None = None
    larger: bool = False
    confirmed: bool = False

    def without(self, name: str) -> Agreement:
        """The same with parameter ``name`` left out."""
        return replace(self, omitted=tuple(sorted({*self.omitted, name})))

    def plainer(self) -> Agreement | None:
        """The same with the next plainer format; None after the last."""
        levels: tuple[SchemaLevel, ...] = get_args(SchemaLevel)
        place = levels.index(self.level) + 1
        return replace(self, level=levels[place]) if place < len(levels) else None

    def terms(self) -> list[str]:
        """What differs from the first spelling, in words."""
        terms = [f"no {name}" for name in self.omitted]
        if self.limit != "max_tokens":
            terms.append(f"{self.limit} for max_tokens" if self.limit else "no max_tokens")
        if self.level != "bounded":
            terms.append(_FORMAT_NAMES[self.level])
        if self.streamed:
            terms.append("streamed answers")
        if self.images is not None:
            terms.append(f"at most {self.images} images a request")
        if self.tokens is not None:
            terms.append(f"at most {self.tokens} tokens an answer")
        if self.larger:
            terms.append("a larger limit of tokens, because the model reasons first")
        return terms


class Agreements:
    """The agreements of one model by form, in a file.

    :param folder: Folder of the stored answers; None to keep them in memory.
    :param server: Model and URL without login; agreements with another server are forgotten.
    """

    def __init__(self, folder: Path | None, server: str) -> None:
        self._path = None if folder is None else folder / AGREEMENTS
        self._server = server
        self._by_form = self._read()
        self._said: set[str] = set(self._lines())
        self._new: list[str] = []

    def of(self, form: ResponseForm) -> Agreement:
        """The agreement for requests of ``form``."""
        return self._by_form.get(form, Agreement())

    def put(self, form: ResponseForm, agreement: Agreement) -> None:
        """Replace the agreement for ``form`` and store it."""
        self._by_form[form] = agreement
        self._new += [line for line in self._lines() if line not in self._said]
        self._said.update(self._new)
        if self._path is not None:
            stored = {name: asdict(value) for name, value in sorted(self._by_form.items())}
            write_json(self._path, {"server": self._server, "forms": stored})

    def drain(self) -> list[str]:
        """What was agreed since the last call, one line for each form."""
        lines, self._new = self._new, []
        return lines

    def _lines(self) -> list[str]:
        return [
            f"{self._server} is asked for {form} with {', '.join(terms)}"
            for form, agreement in sorted(self._by_form.items())
            if (terms := agreement.terms()) and agreement.confirmed
        ]

    def _read(self) -> dict[ResponseForm, Agreement]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            value = json.loads(self._path.read_text(encoding="utf-8"))
            if value["server"] != self._server:
                return {}
            return {form: _agreement(value["forms"][form]) for form in get_args(ResponseForm) if form in value["forms"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}  # written by another version: it is negotiated again


def _agreement(stored: dict[str, Any]) -> Agreement:
    known = {field.name for field in fields(Agreement)}
    agreement = Agreement(**{name: value for name, value in stored.items() if name in known})
    if agreement.level not in get_args(SchemaLevel):
        raise ValueError(agreement.level)
    return replace(agreement, omitted=tuple(agreement.omitted))
