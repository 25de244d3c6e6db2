"""The prompts of a dataset's questions, for its card: by name, hash and, where this version has it, text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nyxqa.builders.vlm.prompt import NAMES, prompt


@dataclass(frozen=True, slots=True)
class CardPrompt:
    """One prompt as the card shows it.

    :param hash: Its short hash, as in column ``prompts`` of table ``qa``.
    :param questions: Published questions that it took part in.
    :param text: Its wording; empty if this version of nyxqa words it otherwise.
    """

    name: str
    hash: str
    questions: int
    text: str


def card_prompts(counts: Mapping[str, int]) -> list[CardPrompt]:
    """The prompts in ``summary["prompts"]`` of a manifest, questions by ``NAME HASH``, in the order of asking."""
    found = []
    for key, questions in counts.items():
        name, _, short = key.partition(" ")
        known = prompt(name) if name in NAMES else None
        found.append(CardPrompt(name, short, questions, known.text if known and known.hash == short else ""))
    order = {name: place for place, name in enumerate(NAMES)}
    return sorted(found, key=lambda one: (order.get(one.name, len(order)), one.hash))
