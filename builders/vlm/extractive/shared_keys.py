"""Keys of the questions asked together, offered as wrong options to each other.

Where red is often the key and cyan never, options drawn evenly from a vocabulary give the key away. So a word is
offered as a wrong option ``count`` times as often as it is a key: seen alone, none is likelier to be right than others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log

from nyxqa.builders.vlm.extractive.spans import kind_of_text
from nyxqa.builders.vlm.protocol import VlmRequest
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.chance import keyed_hash

_SURE = 0.999  # largest share of the questions left that a word is drawn for, short of always


class SharedKeys:
    """How often each key is still to be offered, by kind.

    :param asks: The questions; which of them come first is drawn by lot.
    :param count: Wrong options of a question.
    """

    def __init__(self, asks: Sequence[VlmRequest], count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._spelt: dict[str, dict[str, str]] = defaultdict(dict)
        self._due: dict[str, Counter[str]] = defaultdict(Counter)
        self._left: Counter[str] = Counter()
        for ask in sorted(asks, key=lambda ask: ask.key):
            kind, word = _placed(ask)
            self._spelt[kind].setdefault(word, ask.answer.strip())
            self._due[kind][word] += count
            self._left[kind] += 1

    def offered(self, ask: VlmRequest) -> Iterator[str]:
        """Keys of the same kind, each drawn as its share of the questions left asks for; those not due come last."""
        kind, own = _placed(ask)
        left = max(1, self._left[kind])
        waits: list[tuple[bool, float, str]] = []
        for word, due in self._due[kind].items():
            if word != own:
                share = min(_SURE, due / left) if due > 0 else 0.5
                drawn = (keyed_hash(self._seed, "company", f"{ask.key}\x1f{word}") + 1) / 2**64
                waits.append((due <= 0, -log(drawn) * (1 - share) / share, word))
        return (self._spelt[kind][word] for _, _, word in sorted(waits))

    def record(self, ask: VlmRequest, options: Iterable[str]) -> None:
        """Note the options that ``ask`` got."""
        kind, _ = _placed(ask)
        self._left[kind] -= 1
        for option in options:
            word = normalise_answer(option)
            if word in self._due[kind]:
                self._due[kind][word] -= 1


def _placed(ask: VlmRequest) -> tuple[str, str]:
    key = ask.answer.strip()
    return kind_of_text(key), normalise_answer(key)
