"""Models whose answers a test decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.builders.vlm.protocol import NO_PROMPTS, Answered, Failed, QaPair, Vlm, VlmDocument, VlmInfo, VlmRequest
from nyxqa.schemas.words import words as words_of

T = TypeVar("T")
Outcome = Answered[T] | Failed


@dataclass
class Told:
    """Answers by key of what is asked; fails with ``untold`` otherwise."""

    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    short: dict[str, str] = field(default_factory=dict)
    anew: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    info: VlmInfo = field(
        default_factory=lambda: VlmInfo(
            "told", {"questions": "abc"}, can_judge=False, needs_images=False, where="workers"
        )
    )

    def questions(
        self, sources: Iterable[VlmDocument], most: int, prompts: Mapping[str, str] = NO_PROMPTS
    ) -> Iterator[Outcome[list[QaPair]]]:
        for source in sources:
            found = self.pairs.get(source.key)
            yield Failed("untold") if found is None else Answered([QaPair(*pair) for pair in found[:most]])

    def refine(self, asks: Iterable[VlmRequest], words: int) -> Iterator[Outcome[QaPair]]:
        for ask in asks:
            if ask.key in self.short:
                yield Answered(QaPair(self.anew.get(ask.key, ""), self.short[ask.key]))
            else:
                yield Answered(QaPair("", ask.answer)) if len(words_of(ask.answer)) <= words else Failed("untold")

    def answer(self, asks: Iterable[VlmRequest]) -> Iterator[Outcome[str]]:
        for _ in asks:
            yield Failed("untold")

    def distractors(self, asks: Iterable[VlmRequest], count: int, spare: int = 0) -> Iterator[Outcome[list[str]]]:
        for ask in asks:
            yield Answered(self.wrong[ask.key]) if ask.key in self.wrong else Failed("untold")


@dataclass(frozen=True)
class ToldAsking(VlmHandle):
    """Asks a given model."""

    vlm: Vlm = field(default_factory=Told, compare=False)

    def open(self) -> Vlm:
        return self.vlm
