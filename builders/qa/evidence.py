"""Whether a question needs its evidence: the model answers it with less and less to see."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nyxqa.builders.vlm.protocol import Answered, Failed, Vlm, VlmDocument, VlmImage, VlmInfo, VlmRequest
from nyxqa.schemas.answers import exact_match, token_f1
from nyxqa.schemas.content import PLACEHOLDER, Content, plain_text
from nyxqa.schemas.recipe import Keep, Verify

# An answer is right if it matches exactly or shares this much F1 with an accepted form (Nyx paper: F1).
RIGHT_F1 = 0.5

Verdict = dict[str, Any]
Evidence = dict[str, Verdict | None]


def collects_evidence(settings: Verify, model: VlmInfo) -> bool:
    """Whether evidence is collected: ``auto`` means with a model that can judge."""
    return model.can_judge if settings.enabled == "auto" else settings.enabled


def collect_evidence(
    model: Vlm, asks: Iterable[VlmRequest], answers: Sequence[Sequence[str]]
) -> Iterator[Evidence | Failed]:
    """The verdicts on each question, in order; views that the question does not have are None.

    :param asks: Questions with their document, read as they are asked: pictures are large.
    :param answers: Accepted forms of each answer.
    """
    shown: deque[dict[str, bool]] = deque()

    def flat() -> Iterator[VlmRequest]:
        for ask in asks:
            views = _views(ask)
            shown.append({name: view is not None for name, view in views.items()})
            yield from (view for view in views.values() if view is not None)

    outcomes = model.answer(flat())
    for accepted in answers:
        first = next(outcomes)  # every question has a first view; only now it is known which others it has
        found: Evidence = {}
        failed: Failed | None = None
        for index, (name, is_shown) in enumerate(shown.popleft().items()):
            outcome = first if index == 0 else next(outcomes) if is_shown else None
            if isinstance(outcome, Failed):
                failed = failed or outcome
            else:
                found[name] = _verdict(outcome, accepted)
        yield failed or found


def _verdict(outcome: Answered[str] | None, accepted: Sequence[str]) -> Verdict | None:
    if outcome is None:
        return None
    prediction = " ".join(outcome.value.split())
    right = exact_match(prediction, accepted) or token_f1(prediction, accepted) >= RIGHT_F1
    return {"prediction": prediction, "correct": right}


def _views(ask: VlmRequest) -> dict[str, VlmRequest | None]:
    """What the model gets to see, by the name of the verdict."""
    pictured = bool(ask.question.images) or any(source.content.images for source in ask.documents)
    return {
        "closed_book": replace(ask, documents=()),
        "document": ask,
        "no_images": _without_images(ask) if pictured else None,
        "images_only": replace(ask, documents=tuple(map(_images_only, ask.documents))) if pictured else None,
    }


def _without_images(ask: VlmRequest) -> VlmRequest:
    documents = tuple(replace(source, content=_text_only(source.content)) for source in ask.documents)
    return replace(ask, question=_text_only(ask.question), documents=documents)


def _text_only(content: Content[VlmImage]) -> Content[VlmImage]:
    return Content(plain_text(content.text))


def _images_only(source: VlmDocument) -> VlmDocument:
    images = source.content.images
    return replace(source, content=Content("\n".join([PLACEHOLDER] * len(images)), images), title=None)


def missing_outcome(evidence: Mapping[str, Any], keep: Sequence[Keep]) -> str | None:
    """The reason to drop a question, if an outcome that the recipe asks for is missing."""
    right = {name: verdict["correct"] for name, verdict in evidence.items() if verdict is not None}
    outcomes: dict[Keep, tuple[bool, str]] = {
        "document_right": (right["document"], "not_answered_from_document"),
        "closed_book_wrong": (not right["closed_book"], "answered_closed_book"),
        "images_needed": (not right.get("no_images", False), "answered_without_images"),
        "text_needed": (not right.get("images_only", False), "answered_from_images_only"),
    }
    return next((reason for name, (met, reason) in outcomes.items() if name in keep and not met), None)
