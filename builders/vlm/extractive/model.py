"""``extractive``: cloze questions and answers taken from the documents themselves; no network, no weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar, cast

from nyxqa.builders.vlm.extractive.answers import read_answer
from nyxqa.builders.vlm.extractive.distractors import wrong_options
from nyxqa.builders.vlm.extractive.questions import draft_questions
from nyxqa.builders.vlm.extractive.shared_keys import SharedKeys
from nyxqa.builders.vlm.protocol import (
    NO_PROMPTS,
    Answered,
    Conversation,
    Failed,
    QaPair,
    VlmDocument,
    VlmInfo,
    VlmRequest,
    advance,
)
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import EXTRACTIVE, VlmSection
from nyxqa.schemas.words import words as words_of

R = TypeVar("R")

# Its answers only show that words overlap, so they are not evidence.
_INFO = VlmInfo(EXTRACTIVE, version=10, is_local=True, can_judge=False, needs_images=False, where="workers")


class ExtractiveProvider:
    """The embedded generator; it opens nothing and stores no answers."""

    info = _INFO

    def open(self, settings: VlmSection, seed: int, store_folder: Path, *, retry_failed: bool = False) -> ExtractiveVlm:
        """The generator with the recipe's seed; the other parameters do not apply to it."""
        return ExtractiveVlm(seed)


class ExtractiveVlm:
    """A ``Vlm`` that reads text and captions, never pixels; its vocabularies are English.

    :param seed: Seed of the recipe; it decides which wrong options are drawn.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.info = _INFO

    def questions(
        self, documents: Iterable[VlmDocument], limit: int, prompts: Mapping[str, str] = NO_PROMPTS
    ) -> Iterator[Answered[list[QaPair]] | Failed]:
        """Questions from sentences, captions and tables; ``no_question`` if none is self-contained. No prompt."""
        for document in documents:
            pairs = draft_questions(document, limit)
            yield Answered(pairs) if pairs else Failed("no_question", "no sentence or caption stands on its own")

    def refine(self, requests: Iterable[VlmRequest], words: int) -> Iterator[Answered[QaPair] | Failed]:
        """Each pair unchanged, or ``too_long``: this generator does not rephrase."""
        for request in requests:
            size = len(words_of(request.answer))
            is_short = 0 < size <= words
            yield (
                Answered(QaPair("", request.answer)) if is_short else Failed("too_long", f"{size} words, limit {words}")
            )

    def answer(self, requests: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        """A span of the sentence that overlaps most; it abstains without documents and on questions with images."""
        for request in requests:
            abstains = bool(request.question.images) or not request.documents
            yield Answered("" if abstains else read_answer(request.question.text, request.documents))

    def converse(self, conversations: Iterable[Conversation[R]]) -> Iterator[R]:
        """The result of each conversation, one after the other."""
        for conversation in conversations:
            request, result = advance(conversation, None)
            while request is not None:
                request, result = advance(conversation, next(self.answer([request])))
            yield cast(R, result)

    def distractors(
        self, requests: Iterable[VlmRequest], count: int, spare: int = 0
    ) -> Iterator[Answered[list[str]] | Failed]:
        """Wrong options of the key's kind; ``too_few_distractors`` if documents and vocabularies lack them.

        Requests of one call share their keys, so their options depend on each other, whatever their order.
        """
        batch = list(requests)
        shared_keys = SharedKeys(batch, count + spare, self._seed)
        options: dict[str, list[str]] = {}
        for request in sorted(batch, key=lambda item: (keyed_hash(self._seed, "company", item.key), item.key)):
            options[request.key] = wrong_options(request, count + spare, self._seed, shared_keys)
            shared_keys.record(request, options[request.key])
        for request in batch:
            own = options[request.key]
            yield Answered(own) if len(own) >= count else Failed("too_few_distractors", f"{len(own)} of {count}")

    def totals(self) -> dict[str, int]:
        """Zeros: nothing is requested of an endpoint."""
        return {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}

    def failures(self) -> int:
        """Zero: a retry would give the same result."""
        return 0

    def close(self) -> None:
        """Nothing to release."""
