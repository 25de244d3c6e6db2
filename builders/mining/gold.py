"""Find in a passage pool the paragraphs that a question set names as evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from nyxqa.builders.mining.text_rules import normalise_title
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.builders.question_sets.questions import Gold
from nyxqa.schemas.words import words

# Texts are compared by word n-grams. A passage matches if it shares this part of the n-grams of the shorter text: pools
# cut articles at other places and come from dumps of other years, but half of a paragraph identifies it.
NGRAM = 3
OVERLAP = 0.5


class GoldFinder:
    """Matches evidence with passages in one pass over the pool; memory grows with the evidence, not with the pool.

    A paragraph named by id matches the passage of that id. One named by title and text matches every passage of that
    title that shares half of its word trigrams; one named by title alone, the first passage of that title.

    :param gold: Evidence of each question.
    """

    def __init__(self, gold: Iterable[Sequence[Gold]]) -> None:
        self._by_id: dict[str, list[int]] = defaultdict(list)
        self._by_title: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._rows: list[list[int]] = []
        for question, pieces in enumerate(gold):
            self._rows.append([])
            for piece in pieces:
                if piece.passage_id:
                    self._by_id[piece.passage_id].append(question)
                elif piece.title:
                    self._by_title[normalise_title(piece.title)].append((question, piece.text))

    def match(self, row: int, passage: Passage) -> None:
        """Match the next passage of the pool.

        :param row: Row of the passage in the pool.
        """
        for question in self._by_id.get(passage.id, ()):
            self._rows[question].append(row)
        title = normalise_title(passage.title)
        unmatched = self._by_title.get(title)
        if not unmatched:
            return
        ngrams = _ngrams(_body(passage))
        for question, text in unmatched:
            if not text or _overlap(_ngrams(text), ngrams):
                self._rows[question].append(row)
        self._by_title[title] = [entry for entry in unmatched if entry[1]]

    def rows(self, question: int) -> list[int]:
        """Distinct rows of the passages that question number ``question`` names, in pool order."""
        return list(dict.fromkeys(self._rows[question]))


def _body(passage: Passage) -> str:
    first, line_end, rest = passage.text.partition("\n")
    return rest if line_end and passage.title in first else passage.text


def _ngrams(text: str) -> set[tuple[str, ...]]:
    tokens = words(text)
    return {tuple(tokens[start : start + NGRAM]) for start in range(max(1, len(tokens) - NGRAM + 1))}


def _overlap(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> bool:
    return len(one & other) >= OVERLAP * min(len(one), len(other))
