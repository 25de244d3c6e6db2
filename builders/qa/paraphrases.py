"""Options that say the key in other words, found by the similarity of their vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from nyxqa.schemas.errors import UsageError

if TYPE_CHECKING:
    from nyxqa.retriever.encoders.e5 import E5Encoder

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def finds_paraphrases(encoder: str) -> bool:
    """Whether the recipe's encoder embeds text, which is what paraphrases are found by."""
    return encoder.startswith("e5:")


def paraphrases(
    encoder: str, keys: Sequence[str], options: Sequence[Sequence[str]], threshold: float
) -> list[set[str]]:
    """For each key those of its options that are as near to it as ``threshold``, as a cosine.

    Vectors of numbers lie close together whatever they say, so an option of other digits is never a paraphrase.

    :param encoder: An ``e5:`` encoder as the recipe names it.
    """
    from nyxqa.retriever.protocols import SearchEntry

    texts = list(dict.fromkeys([*keys, *(option for own in options for option in own)]))
    vectors = _opened(encoder).encode([SearchEntry(text, text) for text in texts], "query")
    row = {text: number for number, text in enumerate(texts)}
    return [
        {
            option
            for option in own
            if _NUMBER.findall(option) == _NUMBER.findall(key)
            and float(vectors[row[key]] @ vectors[row[option]]) >= threshold
        }
        for key, own in zip(keys, options, strict=True)
    ]


@lru_cache(maxsize=1)
def _opened(encoder: str) -> E5Encoder:
    from nyxqa.retriever.encoders.e5 import E5Encoder
    from nyxqa.retriever.encoders.factory import make_encoder

    made = make_encoder(encoder)
    if not isinstance(made, E5Encoder):
        raise UsageError(f"encoder {encoder} does not embed text, so it finds no paraphrases")
    return made
