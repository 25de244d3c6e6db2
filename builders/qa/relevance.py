"""How relevant a document is to a question, by what a model answers with it."""

from __future__ import annotations

from collections.abc import Sequence

from nyxqa.builders.qa.evidence import CORRECT_F1
from nyxqa.builders.qa.nuggets import CORRECT_RECALL, nugget_recall
from nyxqa.schemas.answers import exact_match, token_f1

Span = dict[str, int]


def grade_of(prediction: str, answers: Sequence[str], nuggets: Sequence[str] = ()) -> int:
    """2 if the answer with the document is an accepted one, 1 if it holds half of one, else 0.

    :param nuggets: Facts of a long answer: 2 if all are told, 1 if half of them are.
    """
    if nuggets:
        recall = nugget_recall(prediction, nuggets)
        return 2 if recall == 1 else int(recall >= CORRECT_RECALL)
    if exact_match(prediction, answers):
        return 2
    return 1 if token_f1(prediction, answers) >= CORRECT_F1 else 0


def span_of(prediction: str, text: str) -> Span | None:
    """The characters of a document at which an answer stands first; None if it does not stand there word by word."""
    wanted = prediction.strip().strip(".").lower()
    lowered = text.lower()
    # Lower case of some letters is longer, and places would not be those of the text.
    start = lowered.find(wanted) if wanted and len(lowered) == len(text) else -1
    return {"start": start, "end": start + len(wanted)} if start >= 0 else None
