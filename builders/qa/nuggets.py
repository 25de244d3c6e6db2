"""Facts of a long answer: where each stands in the documents, and how many of them an answer tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import words

MOST = 6
# An answer tells a fact whose numbers it has, and this share of its other words.
_TOLD = 0.6
# A sentence of a document holds a fact if it has this share of its words.
_HELD = 0.6
# An answer is right if it tells this share of the facts.
CORRECT_RECALL = 0.5

_SENTENCE_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+|(?<=[\u3002\uff01\uff1f])")
_CLAUSE_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|[;\n]+|(?<=[\u3002\uff01\uff1f])")
_FEW = 3  # words that a clause must have to count as a fact of its own

Nugget = dict[str, Any]


def nugget_recall(prediction: str, nuggets: Sequence[str]) -> float:
    """The share of the facts that an answer tells, in [0, 1]."""
    told = set(words(normalise_answer(prediction)))
    return sum(_is_told(nugget, told) for nugget in nuggets) / len(nuggets) if nuggets else 0.0


def nugget_texts(row: Mapping[str, Any]) -> list[str]:
    """The facts of a question's row; none for one whose answer is short."""
    return [one["text"] for one in row.get("nuggets") or ()]


def _is_told(nugget: str, told: set[str]) -> bool:
    wanted = _content_words(nugget)
    numbers = {word for word in wanted if any(letter.isdigit() for letter in word)}
    others = wanted - numbers
    return bool(wanted) and numbers <= told and len(others & told) >= _TOLD * len(others)


def _content_words(text: str) -> set[str]:
    """Words of a text without the shortest of alphabetic scripts, which are articles and prepositions."""
    found = set(words(normalise_answer(text)))
    longer = {word for word in found if len(word) > 2 or not word.isascii() or any(map(str.isdigit, word))}
    return longer or found


def answer_facts(answer: str) -> list[str]:
    """The facts of a long answer that came without any: its sentences and what stands between its semicolons."""
    clauses = (part.strip(" -*\u2022") for part in _CLAUSE_END.split(answer))
    found = [clause for clause in clauses if clause and len(words(clause)) >= _FEW]
    return (found or [answer])[:MOST]


def located_nuggets(facts: Iterable[str], documents: Sequence[Mapping[str, Any]]) -> list[Nugget]:
    """Structs of column ``nuggets``: at most six facts that stand in a document, each with its place there.

    :param documents: Rows with ``doc_id`` and ``text``.
    """
    found: dict[tuple[str, int, int], Nugget] = {}
    for fact in facts:
        place = next((one for one in _places(fact, documents)), None)
        if place is not None:
            doc_id, start, end = place
            found.setdefault(place, {"text": " ".join(fact.split()), "doc_id": doc_id, "start": start, "end": end})
    return list(found.values())[:MOST]


def _places(fact: str, documents: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int, int]]:
    """Where a fact stands word by word, else the sentence that has most of its words."""
    pieces = [re.escape(piece) for piece in fact.strip(" .\u3002").split()]
    for document in documents if pieces else ():
        match = re.search(r"\s+".join(pieces), document["text"], re.IGNORECASE)
        if match is not None:
            yield document["doc_id"], match.start(), match.end()
    wanted = _content_words(fact)
    best, place = _HELD * len(wanted), None
    for document in documents if wanted else ():
        for start, end in _sentences(document["text"]):
            share = len(wanted & set(words(normalise_answer(document["text"][start:end]))))
            if share >= best and (place is None or share > best):
                best, place = share, (document["doc_id"], start, end)
    if place is not None:
        yield place


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """First and last place of each sentence without placeholders and white space around it."""
    start = 0
    for piece in re.split(re.escape(PLACEHOLDER), text):
        begin = start
        for end in [*(match.start() for match in _SENTENCE_END.finditer(piece)), len(piece)]:
            sentence = text[begin : start + end]
            left = len(sentence) - len(sentence.lstrip())
            if sentence.strip():
                yield begin + left, begin + left + len(sentence.strip())
            begin = start + end
        start += len(piece) + len(PLACEHOLDER)
