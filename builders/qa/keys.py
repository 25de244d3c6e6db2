"""Keys under which questions and texts count as equal, and the ledger row of a dropped question."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.words import words


def question_key(question: str, image_ids: Iterable[str]) -> str:
    """Equal for questions with the same words about the same images; 16 bytes as 32 hex digits."""
    return words_key(words(question), image_ids)


def words_key(question_words: Sequence[str], image_ids: Iterable[str]) -> str:
    """``question_key`` of a question that is already split into words."""
    folded = "\x1f".join([" ".join(question_words), *image_ids])
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def drop_question(row: Mapping[str, Any], reason: str, detail: str = "") -> Drop:
    """The ledger row of a dropped question that has its final id."""
    return Drop("question", row["qa_id"], row["document"]["doc_id"], reason, detail)


def text_key(text: str) -> str:
    """Equal for texts with the same words, wherever their images are; empty for a text without words."""
    text_words = words(plain_text(text))
    return words_key(text_words, []) if text_words else ""
