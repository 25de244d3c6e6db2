"""Keys of one batch of questions, offered as wrong options to each other.

If red is often the key and cyan never, options drawn uniformly from a vocabulary give the key away. So each word is
offered as a wrong option ``count`` times as often as it is a key: by itself, no option is more likely to be correct.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log

from nyxqa.builders.vlm.extractive.spans import kind_of_text
from nyxqa.builders.vlm.protocol import VlmRequest
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.words import words

_MAX_SHARE = 0.999  # upper limit of the share of remaining questions for which a word is drawn


class SharedKeys:
    """How often each key remains to be offered, by kind.

    :param requests: The questions of the batch.
    :param count: Wrong options per question.
    """

    def __init__(self, requests: Sequence[VlmRequest], count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._documents = _document_frequencies(requests)
        self._alike: dict[tuple[str, bool], dict[str, tuple[str, int]]] = defaultdict(dict)
        self._spelling: dict[str, dict[str, str]] = defaultdict(dict)
        self._remaining_uses: dict[str, Counter[str]] = defaultdict(Counter)
        self._remaining_questions: Counter[str] = Counter()
        for request in sorted(requests, key=lambda request: request.key):
            kind, word = _kind_and_word(request)
            self._spelling[kind].setdefault(word, request.answer.strip())
            self._remaining_uses[kind][word] += count
            self._remaining_questions[kind] += 1
            shown = (word, self._frequency(word))
            self._alike[kind, bool(request.question.images)].setdefault(request.answer.strip(), shown)

    def candidates(self, request: VlmRequest) -> Iterator[str]:
        """Keys of the same kind, drawn in proportion to how often each remains to be offered; exhausted ones last."""
        kind, own = _kind_and_word(request)
        questions = max(1, self._remaining_questions[kind])
        ranked: list[tuple[bool, float, str]] = []
        for word, uses in self._remaining_uses[kind].items():
            if word != own:
                share = min(_MAX_SHARE, uses / questions) if uses > 0 else 0.5
                draw = (keyed_hash(self._seed, "company", f"{request.key}\x1f{word}") + 1) / 2**64
                ranked.append((uses <= 0, -log(draw) * (1 - share) / share, word))
        return (self._spelling[kind][word] for _, _, word in sorted(ranked))

    def alike(self, request: VlmRequest) -> Iterator[str]:
        """Keys of the same kind, of texts or of pictures alike, those of like document frequency and length first."""
        kind, own = _kind_and_word(request)
        frequency, size = self._frequency(own), len(own.split())
        ranked: list[tuple[int, int, str]] = []
        for text, (word, found) in self._alike[kind, bool(request.question.images)].items():
            if word != own:
                distance = abs(found.bit_length() - frequency.bit_length()) + abs(len(word.split()) - size)
                ranked.append((distance, keyed_hash(self._seed, "alike", f"{request.key}\x1f{word}"), text))
        return (text for _, _, text in sorted(ranked))

    def _frequency(self, answer: str) -> int:
        """Number of the batch's documents that hold the rarest word of ``answer``."""
        return min((self._documents[word] for word in words(answer)), default=0)

    def record(self, request: VlmRequest, options: Iterable[str]) -> None:
        """Record the options that ``request`` got."""
        kind, _ = _kind_and_word(request)
        self._remaining_questions[kind] -= 1
        for option in options:
            word = normalise_answer(option)
            if word in self._remaining_uses[kind]:
                self._remaining_uses[kind][word] -= 1


def _document_frequencies(requests: Sequence[VlmRequest]) -> Counter[str]:
    """Number of documents that hold each word, in text or captions."""
    documents = {document.key: document for request in requests for document in request.documents}
    frequencies: Counter[str] = Counter()
    for document in documents.values():
        captions = " ".join(image.caption for image in document.content.images)
        frequencies.update(set(words(f"{document.content.text} {captions}")))
    return frequencies


def _kind_and_word(request: VlmRequest) -> tuple[str, str]:
    key = request.answer.strip()
    return kind_of_text(key), normalise_answer(key)
