"""Turns a sentence about a known subject round, so that it asks for one of its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from nyxqa.builders.vlm.extractive.asking import BE, PREPOSITIONS, Clause, asked_for
from nyxqa.builders.vlm.extractive.verbs import FINITE, PARTICIPLES, PLURAL_FINITE
from nyxqa.builders.vlm.extractive.vocabulary import word_list
from nyxqa.schemas.words import words

_MAX_MIDDLE, _MAX_SUBJECT = 11, 8  # words between the verb and the blank, and of a subject
_ADVERBS = frozenset(
    word_list(
        "also usually often originally initially first formerly generally commonly currently widely typically mostly "
        "still now primarily traditionally officially famously later eventually"
    )
)
_MODALS = word_list("has have had can could may might will would must should")
_BROKEN = re.compile(
    r"[,;:()\"\u201c\u201d\u2014\u2013]|\b(?:which|who|whom|that|where|when|while|because|although|whose|if)\b"
)
# Words that point to something else, or to nothing.
_DEICTIC = frozenset(
    word_list(
        "this that these those it he she they there here who what another other some many most both its his her their "
        "such one only all each every no any as while although"
    )
)


def general_subject(sentence: str) -> str:
    """The words before the first verb, if they are a plain noun phrase; else ""."""
    tokens = sentence.split()
    for size, token in enumerate(tokens[: _MAX_SUBJECT + 1]):
        if size and token in (*BE, *_MODALS):
            subject = " ".join(tokens[:size])
            plain = subject.split(" ")[-1] in _ADVERBS or _BROKEN.search(subject) or "____" in subject
            joined = any(word in FINITE or word in ("to", "not", "there", "it") for word in words(subject)[1:])
            opens = words(subject)[:1]
            return "" if plain or joined or not opens or opens[0] in PREPOSITIONS or opens[0] in _DEICTIC else subject
    return ""


def clause_questions(
    before: str, answer: str, kind: str, after: str, subject: str, names: Sequence[str]
) -> Iterator[str]:
    """Questions for the answer that stands between ``before`` and ``after``.

    :param subject: The subject as a question writes it.
    :param names: What the sentence may call it at its beginning.
    """
    parts = _parts(before, names)
    if parts is None:
        return
    verb, middle = parts
    aux, rest = _inverted(verb, middle)
    if not _BROKEN.search(rest) and len(words(rest)) <= _MAX_MIDDLE and not _has_second_verb(rest):
        yield from asked_for(Clause(aux, subject, rest.strip(), answer, kind, after))


def _parts(before: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Verb and what follows it, behind a subject that is one of ``names`` and its asides."""
    for name in names:
        if not before.lower().startswith((f"{name.lower()} ", f"{name.lower()},")):
            continue
        behind = before[len(name) :]
        aside = re.match(r"^(?:,[^,]{2,90}){1,3}?, (?=[a-z]+\b)| \([^()]*\) ", behind)
        starts = [1] if behind.startswith(" ") else []
        starts += [aside.end()] if aside is not None else []
        for start in starts:
            verb, _, rest = behind[start:].partition(" ")
            if verb in _ADVERBS:
                verb, _, rest = rest.partition(" ")
            if verb in BE or verb in _MODALS or verb in FINITE or verb in PLURAL_FINITE:
                return verb, rest
    return None


def _inverted(verb: str, rest: str) -> tuple[str, str]:
    """The auxiliary that stands before the subject, and what stands behind it."""
    if verb in BE:
        return verb, rest
    if verb in ("has", "have", "had"):
        first = rest.split(" ", 1)[0]
        if first in PARTICIPLES or first == "been":
            return verb, rest
        return {"has": "does", "have": "do", "had": "did"}[verb], f"have {rest}"
    if verb in _MODALS:
        return verb, rest
    aux, base = FINITE.get(verb) or PLURAL_FINITE[verb]
    return aux, f"{base} {rest}"


def _has_second_verb(rest: str) -> bool:
    """Whether a further finite verb is joined by "and" or "but"."""
    joined = (after for word, after in pairwise(rest.split()) if word in ("and", "but", "or"))
    return any(one in (*BE, *_MODALS, "did") or (one in FINITE and one not in PARTICIPLES) for one in joined)
