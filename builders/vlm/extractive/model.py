"""The embedded model: cloze questions and answers taken from the documents themselves, no network, no weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

from nyxqa.builders.vlm.extractive.answers import read_answer
from nyxqa.builders.vlm.extractive.distractors import wrong_options
from nyxqa.builders.vlm.extractive.questions import draft
from nyxqa.builders.vlm.extractive.shared_keys import Company
from nyxqa.builders.vlm.protocol import Answered, Ask, Conversation, Failed, Pair, Source, VlmInfo, advance
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import EXTRACTIVE
from nyxqa.schemas.words import words

R = TypeVar("R")


class Extractive:
    """A ``Vlm`` that reads text and captions, never pixels; its vocabularies are English.

    :param seed: Seed of the recipe; it decides which wrong options are drawn.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.info = VlmInfo(generator=EXTRACTIVE, prompts={}, needs_images=False, verifies=False, version=5)

    def questions(self, sources: Iterable[Source], most: int) -> Iterator[Answered[list[Pair]] | Failed]:
        """Cloze questions from sentences and captions; ``no_question`` where nothing stands on its own."""
        for source in sources:
            pairs = draft(source, most)
            yield Answered(pairs) if pairs else Failed("no_question", "no sentence or caption stands on its own")

    def shorten(self, asks: Iterable[Ask], words: int) -> Iterator[Answered[str] | Failed]:
        """The answer as it is, or ``too_long``: nothing is rephrased here."""
        for ask in asks:
            size = _size(ask.answer)
            yield Answered(ask.answer) if 0 < size <= words else Failed("too_long", f"{size} words, limit {words}")

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answered[str] | Failed]:
        """A span of the best-overlapping sentence; an abstention without documents and on pictures."""
        for ask in asks:
            seen = bool(ask.question.images) or not ask.documents
            yield Answered("" if seen else read_answer(ask.question.text, ask.documents))

    def converse(self, talks: Iterable[Conversation[R]]) -> Iterator[R]:
        """What comes of each talk, one after the other."""
        for talk in talks:
            ask, result = advance(talk, None)
            while ask is not None:
                ask, result = advance(talk, next(self.answer([ask])))
            yield cast(R, result)

    def distractors(self, asks: Iterable[Ask], count: int, spare: int = 0) -> Iterator[Answered[list[str]] | Failed]:
        """Wrong options of the key's kind; ``too_few_distractors`` where the documents and vocabularies lack them.

        Questions asked together share their keys, so their options depend on each other, whatever their order.
        """
        asked = list(asks)
        company = Company(asked, count + spare, self._seed)
        found: dict[str, list[str]] = {}
        for ask in sorted(asked, key=lambda ask: (keyed_hash(self._seed, "company", ask.key), ask.key)):
            found[ask.key] = wrong_options(ask, count + spare, self._seed, company)
            company.settle(ask, found[ask.key])
        for ask in asked:
            options = found[ask.key]
            if len(options) < count:
                yield Failed("too_few_distractors", f"{len(options)} of {count}")
            else:
                yield Answered(options)

    def totals(self) -> dict[str, int]:
        """Nothing is asked of anybody."""
        return {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}

    def failures(self) -> int:
        """Asked again it would say the same."""
        return 0

    def close(self) -> None:
        """There is nothing to give up."""


def _size(text: str) -> int:
    return len(words(text))
