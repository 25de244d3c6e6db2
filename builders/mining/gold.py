"""Finding in a pool the paragraphs that a question set names as evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from nyxqa.builders.mining.text_rules import normalise_title
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.builders.question_sets.questions import Gold
from nyxqa.schemas.words import words

# Words in a row that are compared, and the share of the shorter text's runs that must stand in the longer: pools cut
# articles at other places and come from dumps of other years, but a passage that is half the paragraph is its place.
RUN = 3
SHARE = 0.5


class GoldFinder:
    """Matches evidence to passages in one pass over the pool; memory grows with the evidence, not with the pool.

    A paragraph named by id is the passage of that id. One named by title and text is every passage of that title that
    shares half of its runs of three words; named by title alone, it is the first passage of that title.

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

    def take(self, row: int, passage: Passage) -> None:
        """Look at the pool's next passage."""
        for question in self._by_id.get(passage.id, ()):
            self._rows[question].append(row)
        title = normalise_title(passage.title)
        waiting = self._by_title.get(title)
        if not waiting:
            return
        here = _runs(_body(passage))
        for question, text in waiting:
            if not text or _alike(_runs(text), here):
                self._rows[question].append(row)
        self._by_title[title] = [entry for entry in waiting if entry[1]]

    def rows(self, question: int) -> list[int]:
        """Rows of the passages that question number ``question`` names, in pool order, none twice."""
        return list(dict.fromkeys(self._rows[question]))


def _body(passage: Passage) -> str:
    first, line_end, rest = passage.text.partition("\n")
    return rest if line_end and passage.title in first else passage.text


def _runs(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[start : start + RUN]) for start in range(max(1, len(found) - RUN + 1))}


def _alike(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> bool:
    return len(one & other) >= SHARE * min(len(one), len(other))
