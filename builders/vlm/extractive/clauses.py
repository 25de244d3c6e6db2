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
_NEAR = 12  # words before a participle that still tells of the subject
# Participles of what lasts.
_STILL = frozenset(["located", "situated", "spoken", "used", "found", "made", "composed", "based", "known", "bordered"])
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
# After a word that can be a noun as well, these show that it is a verb.
_BEHIND_VERBS = frozenset({"a", "an", "the", "its", "his", "her", "their", *PREPOSITIONS} - {"of", "by"})


def general_subject(sentence: str) -> str:
    """The words before the first verb, if they are a plain noun phrase; else ""."""
    tokens = sentence.split()
    for size, (token, following) in enumerate(pairwise(tokens[: _MAX_SUBJECT + 2])):
        acts = token in FINITE and (following in _BEHIND_VERBS or following[:1].isupper())
        if size and (token in (*BE, *_MODALS) or acts):
            subject = " ".join(tokens[:size])
            opens, others = words(subject)[0], words(subject)[1:]
            is_plain = not _BROKEN.search(subject) and tokens[size - 1] not in _ADVERBS
            joined = any(word in FINITE or word in ("to", "not", "there", "it") for word in others)
            return subject if is_plain and not joined and opens not in PREPOSITIONS and not _points(opens) else ""
    return ""


def _points(word: str) -> bool:
    return word in _DEICTIC or word.endswith("ly")


def clause_questions(
    before: str, answer: str, kind: str, after: str, subject: str, names: Sequence[str], defined: str = ""
) -> Iterator[str]:
    """Questions for the answer that stands between ``before`` and ``after``.

    :param subject: The subject as a question writes it.
    :param names: What the sentence may call it at its beginning.
    :param defined: The form of "be" by which the sentence defines the subject; "" if it does not.
    """
    main = _parts(before, names)
    if main is None:
        return
    for verb, middle in (main, _last_clause(before, main[0], defined)):
        if not verb:
            continue
        aux, rest = _inverted(verb, middle)
        if not _BROKEN.search(rest) and len(words(rest)) <= _MAX_MIDDLE and not _has_second_verb(rest):
            yield from asked_for(Clause(aux, subject, rest.strip(), answer, kind, after))


def _last_clause(before: str, main: str, defined: str) -> tuple[str, str]:
    """Verb and rest of the last clause of the same subject before the blank: joined, relative, or a participle."""
    tokens = before.split(" ")
    for place in range(len(tokens) - 1, 1, -1):
        token, opens = tokens[place], tokens[place - 1]
        rest = " ".join(tokens[place + 1 :])
        if _BROKEN.search(token):
            break
        if opens in ("who", "that", "which") and defined and not tokens[place - 2].endswith(","):
            return (token, rest) if token in BE or token in _MODALS or token in FINITE else ("", "")
        if opens == "and" and not tokens[place - 2].endswith(","):
            if main in (*BE, "has", "have", "had") and token in PARTICIPLES:
                return main, f"{token} {rest}"
            if main not in (*BE, *_MODALS) and token in FINITE:
                return token, rest
        if defined and token in PARTICIPLES and tokens[place + 1 : place + 2] and tokens[place + 1] in PREPOSITIONS:
            if opens in (*BE, *_ADVERBS, "and", "or", "also", "been") or " of the " in before or place > _NEAR:
                return "", ""
            past = {"is": "was", "are": "were"}.get(defined, defined)
            return (defined if token in _STILL else past), f"{token} {rest}"
    return "", ""


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
