"""What the stages over questions share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nyxqa.builders.engine.accounting import Drop
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.words import words


def question_key(question: str, image_ids: Iterable[str]) -> str:
    """Equal for questions that ask the same words about the same images; 16 bytes as 32 digits."""
    return words_key(words(question), image_ids)


def words_key(found: Sequence[str], image_ids: Iterable[str]) -> str:
    """The key of a question of these words."""
    folded = "\x1f".join([" ".join(found), *image_ids])
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def drop_question(row: Mapping[str, Any], reason: str, detail: str = "") -> Drop:
    """The ledger row of a question that has its final id."""
    return Drop("question", row["qa_id"], row["document"]["doc_id"], reason, detail)


def text_key(text: str) -> str:
    """Equal for texts of the same words, wherever their images stand; empty for a text without words."""
    found = words(plain_text(text))
    return words_key(found, []) if found else ""
