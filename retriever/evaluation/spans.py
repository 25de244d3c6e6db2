"""How much of the evidence is in what was retrieved, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import word_spans

# Characters of a token, as estimates count them.
CHARACTERS = 4
# Words that two texts must have in common in a row to share a passage.
_RUN = 8


@dataclass(frozen=True, slots=True)
class Cover:
    """Characters ``start`` to ``end`` of known document ``number``, ``at`` characters into what was retrieved."""

    number: int
    start: int
    end: int
    at: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """One retrieved piece.

    :param length: Its characters.
    :param covers: What it holds of the known documents.
    """

    length: int
    covers: tuple[Cover, ...] = ()

    def holds(self, number: int, size: int) -> bool:
        """Whether it is as good as known document ``number``: they share half of the shorter of the two.

        :param size: Characters of the document.
        """
        shared = sum(one.end - one.start for one in self.covers if one.number == number)
        return shared > 0 and 2 * shared >= min(size, self.length)


def within_budget(pieces: Iterable[Piece], sizes: Sequence[int], tokens: int, together: bool) -> tuple[float, float]:
    """Recall and precision of the evidence in the first ``tokens`` tokens; a piece beyond the budget is cut.

    :param sizes: Characters of each known document.
    :param together: Whether the documents answer together; otherwise the best covered one counts.
    """
    left, used = tokens * CHARACTERS, 0
    held: list[list[tuple[int, int]]] = [[] for _ in sizes]
    for piece in pieces:
        if left <= 0:
            break
        shown = min(piece.length, left)
        for one in piece.covers:
            if one.at < shown:
                held[one.number].append((one.start, min(one.end, one.start + shown - one.at)))
        used += shown
        left -= shown
    covered = [_union(spans) for spans in held]
    shares = [part / size if size else 0.0 for part, size in zip(covered, sizes, strict=True)]
    total = sum(sizes)
    recall = (sum(covered) / total if total else 0.0) if together else max(shares, default=0.0)
    return recall, min(1.0, sum(covered) / used) if used else 0.0


def _union(spans: Iterable[tuple[int, int]]) -> int:
    """Number of places in at least one of the spans."""
    count, reached = 0, -1
    for start, end in sorted(spans):
        count += max(0, end - max(start, reached))
        reached = max(reached, end)
    return count


@dataclass(frozen=True)
class _Words:
    """Words of a text in lower case, and their places."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: str) -> _Words:
        plain = text.replace(PLACEHOLDER, " " * len(PLACEHOLDER))
        spans = tuple(word_spans(plain))
        return cls(tuple(plain[start:end].lower() for start, end in spans), spans)


def covers_of_text(text: str, known: Sequence[str]) -> tuple[Cover, ...]:
    """What ``text`` holds of the known documents: runs of at least eight equal words.

    Where ``text`` begins or ends within a document fewer words in common are enough, so that a document cut in two
    is whole in both texts together.
    """
    own = _Words.of(text)
    return tuple(cover for number, document in enumerate(known) for cover in _covers(own, document, number))


def _covers(own: _Words, document: str, number: int) -> list[Cover]:
    of = _Words.of(document)
    size = min(_RUN, len(of.words), len(own.words))
    if not size:
        return []
    at = _matched(own.words, of.words, size)
    covers: list[Cover] = []
    first = None
    for place in range(len(of.words) + 1):
        if place < len(of.words) and place in at:
            first = place if first is None else first
        elif first is not None:
            start = 0 if first == 0 else of.spans[first][0]
            end = len(document) if place == len(of.words) else of.spans[place - 1][1]
            covers.append(Cover(number, start, end, own.spans[at[first]][0]))
            first = None
    return covers


def _matched(own: Sequence[str], document: Sequence[str], size: int) -> dict[int, int]:
    """Word of the text for each word of the document that is in a run of ``size`` words of both."""
    runs: dict[tuple[str, ...], int] = {}
    for place in range(len(own) - size, -1, -1):
        runs[tuple(own[place : place + size])] = place
    at: dict[int, int] = {}
    for place in range(len(document) - size + 1):
        found = runs.get(tuple(document[place : place + size]))
        if found is not None:
            at.update({place + step: found + step for step in range(size)})
    for length in range(1, size):
        if list(own[-length:]) == list(document[:length]):
            at.update({step: len(own) - length + step for step in range(length)})
        if list(own[:length]) == list(document[-length:]):
            at.update({len(document) - length + step: step for step in range(length)})
    return at
