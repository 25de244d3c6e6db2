"""Whether a question needs its evidence: the model answers it from different views of its document."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from nyxqa.builders.qa.nuggets import CORRECT_RECALL, nugget_recall
from nyxqa.builders.vlm.protocol import Answered, Failed, Vlm, VlmDocument, VlmImage, VlmInfo, VlmRequest
from nyxqa.schemas.answers import exact_match, token_f1
from nyxqa.schemas.content import PLACEHOLDER, Content, plain_text
from nyxqa.schemas.recipe import Keep, Verify

# A prediction is correct if it matches exactly or reaches this token F1 with an accepted form (Nyx paper: F1).
CORRECT_F1 = 0.5

# Views of a question that needs two documents: each of them alone.
ALONE = ("first_only", "second_only")

Verdict = dict[str, Any]
Evidence = dict[str, Verdict | None]


def collects_evidence(settings: Verify, model: VlmInfo) -> bool:
    """Whether evidence is collected: ``auto`` means with a model that can judge."""
    return model.can_judge if settings.enabled == "auto" else settings.enabled


def collect_evidence(
    model: Vlm,
    requests: Iterable[VlmRequest],
    answers: Sequence[Sequence[str]],
    nuggets: Sequence[Sequence[str]] | None = None,
) -> Iterator[Evidence | Failed]:
    """The verdicts on each question, in order, by view; views that the question does not have are None.

    :param requests: Questions with their document; consumed lazily, because images are large.
    :param answers: Accepted forms of each answer.
    :param nuggets: Facts of each answer that has some, by which it is scored.
    """
    pending: deque[list[dict[str, bool]]] = deque()

    def all_views() -> Iterator[VlmRequest]:
        # One view of all questions on a document after another: their prompts begin with the same document as the
        # model sees it in that view, which a server's prefix cache then holds.
        for _, same_document in groupby(requests, _document_keys):
            asked = [_views(request) for request in same_document]
            pending.append([{name: view is not None for name, view in views.items()} for views in asked])
            for name in asked[0]:
                yield from (view for views in asked if (view := views[name]) is not None)

    outcomes = model.answer(all_views())
    found: deque[dict[str, Answered[str] | Failed | None]] = deque()
    for number, accepted in enumerate(answers):
        if not found:
            found.extend(_of_one_document(outcomes, pending))
        yield _evidence(found.popleft(), accepted, nuggets[number] if nuggets else ())


def _document_keys(request: VlmRequest) -> tuple[str, ...]:
    return tuple(document.key for document in request.documents)


def _of_one_document(
    outcomes: Iterator[Answered[str] | Failed], pending: deque[list[dict[str, bool]]]
) -> list[dict[str, Answered[str] | Failed | None]]:
    """The outcomes of the next questions on one document, by view."""
    first: Answered[str] | Failed | None = next(outcomes)  # which other views there are is known only now
    sent = pending.popleft()
    found: list[dict[str, Answered[str] | Failed | None]] = [{} for _ in sent]
    for name in sent[0]:
        for views, is_sent in zip(found, (one[name] for one in sent), strict=True):
            views[name] = (first or next(outcomes)) if is_sent else None
            first = None if is_sent else first
    return found


def _evidence(
    outcomes: Mapping[str, Answered[str] | Failed | None], accepted: Sequence[str], nuggets: Sequence[str]
) -> Evidence | Failed:
    evidence: Evidence = {}
    for name, outcome in outcomes.items():
        if isinstance(outcome, Failed):
            return outcome
        evidence[name] = _verdict(outcome, accepted, nuggets)
    return evidence


def _verdict(outcome: Answered[str] | None, accepted: Sequence[str], nuggets: Sequence[str]) -> Verdict | None:
    if outcome is None:
        return None
    prediction = " ".join(outcome.value.split())
    return {"prediction": prediction, "correct": is_correct(prediction, accepted, nuggets)}


def is_correct(prediction: str, accepted: Sequence[str], nuggets: Sequence[str] = ()) -> bool:
    """Whether a prediction matches an accepted form exactly or in ``CORRECT_F1`` of its tokens.

    :param nuggets: Facts of a long answer, if it has some: a prediction that tells ``CORRECT_RECALL`` of them is right.
    """
    if nuggets:
        return nugget_recall(prediction, nuggets) >= CORRECT_RECALL
    return exact_match(prediction, accepted) or token_f1(prediction, accepted) >= CORRECT_F1


def _views(request: VlmRequest) -> dict[str, VlmRequest | None]:
    """The request of each view by the name of its verdict; None for a view that the question does not have."""
    has_images = bool(request.question.images) or any(source.content.images for source in request.documents)
    return {
        "closed_book": replace(request, documents=()),
        "document": request,
        "no_images": _without_images(request) if has_images else None,
        "images_only": replace(request, documents=tuple(map(_images_only, request.documents))) if has_images else None,
        **{
            name: replace(request, documents=(document,))
            for name, document in zip(ALONE, request.documents if len(request.documents) > 1 else (), strict=False)
        },
    }


def _without_images(request: VlmRequest) -> VlmRequest:
    documents = tuple(replace(source, content=_text_only(source.content)) for source in request.documents)
    return replace(request, question=_text_only(request.question), documents=documents)


def _text_only(content: Content[VlmImage]) -> Content[VlmImage]:
    return Content(plain_text(content.text))


def _images_only(source: VlmDocument) -> VlmDocument:
    images = source.content.images
    return replace(source, content=Content("\n".join([PLACEHOLDER] * len(images)), images), title=None)


def missing_outcome(evidence: Mapping[str, Any], keep: Sequence[Keep]) -> str | None:
    """The ledger reason if an outcome that ``verify.keep`` requires is missing, else None."""
    correct = {name: verdict["correct"] for name, verdict in evidence.items() if verdict is not None}
    outcomes: dict[Keep, tuple[bool, str]] = {
        "document_right": (correct["document"], "not_answered_from_document"),
        "closed_book_wrong": (not correct["closed_book"], "answered_closed_book"),
        "images_needed": (not correct.get("no_images", False), "answered_without_images"),
        "text_needed": (not correct.get("images_only", False), "answered_from_images_only"),
    }
    if any(correct.get(name) for name in ALONE):  # whatever ``keep`` says, its documents are published as one need
        return "answered_from_one_document"
    return next((reason for name, (met, reason) in outcomes.items() if name in keep and not met), None)
