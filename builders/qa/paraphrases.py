"""Options that paraphrase the key, found by the cosine similarity of their embeddings."""

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
    """Whether the recipe's encoder embeds text, as finding paraphrases requires."""
    return encoder.startswith("e5:")


def paraphrases(
    encoder: str, keys: Sequence[str], options: Sequence[Sequence[str]], threshold: float
) -> list[set[str]]:
    """For each key its options with a cosine similarity of at least ``threshold``.

    Embeddings of numbers are close to each other whatever their value, so an option with other digits is never a
    paraphrase.

    :param encoder: An ``e5:`` encoder as the recipe names it.
    :raises UsageError: If the encoder does not embed text.
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

    text_encoder = make_encoder(encoder)
    if not isinstance(text_encoder, E5Encoder):
        raise UsageError(f"encoder {encoder} does not embed text, so it cannot find paraphrases; use e5:MODEL")
    return text_encoder
