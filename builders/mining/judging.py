"""Which negatives answer their question after all, as a model says, and what becomes of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nyxqa.builders.qa.evidence import is_correct
from nyxqa.builders.vlm.protocol import Answered, Failed, Vlm, VlmDocument, VlmInfo, VlmRequest
from nyxqa.schemas.recipe import Judge

# Ledger reasons of a negative that is none any more, and of one that stays because the model gave no usable answer.
JUDGED_POSITIVE, JUDGED_ANSWERING, NOT_JUDGED = "judged_positive", "judged_answering", "not_judged"
# Of a question that is dropped.
POSITIVE_WRONG = "positive_not_answering"
# Columns in which a negative must not equal a judged positive; an empty value equals nothing.
_SHARED = ("page_id", "cluster", "key", "title")


class Negative(NamedTuple):
    """A negative; rank and score are None if it was not retrieved."""

    doc_id: str
    rank: int | None
    score: float | None


class Verdict(NamedTuple):
    """What the model says of one document.

    :param answers: Whether its answer from the document is an accepted one; None without a usable answer.
    :param reason: Why there is no usable answer.
    """

    doc_id: str
    answers: bool | None
    reason: str = ""


class Note(NamedTuple):
    """A negative that the ledger lists, with the reason."""

    doc_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Case:
    """A question to judge.

    :param request: The question without documents.
    :param documents: What the model is to answer from, one document at a time: negatives, the best first; read only
        when they are sent.
    :param answers: Accepted forms.
    :param positive: The positive, if it is judged too.
    :param nuggets: Facts of a long answer, by which an answer is scored.
    """

    request: VlmRequest
    documents: Sequence[Callable[[], VlmDocument]]
    answers: Sequence[str]
    positive: Callable[[], VlmDocument] | None = None
    nuggets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A judged question.

    :param positives: Structs of column ``positives``, those of origin ``judged`` last.
    :param notes: Negatives that left, and those that could not be judged.
    """

    positives: list[dict[str, Any]]
    negatives: list[Negative]
    notes: list[Note]


def judges(settings: Judge, model: VlmInfo) -> bool:
    """Whether negatives are judged: ``auto`` means with a model that can judge."""
    return model.can_judge if settings.enabled == "auto" else settings.enabled


def ask_judge(model: Vlm, cases: Iterable[Case]) -> Iterator[tuple[Verdict | None, list[Verdict]]]:
    """Of each case the verdict on its positive, if it is asked, and those on its negatives, in order.

    :param cases: Consumed lazily, because images are large.
    """
    pending: deque[tuple[Case, list[str]]] = deque()

    def requests() -> Iterator[VlmRequest]:
        for case in cases:
            ids: list[str] = []
            pending.append((case, ids))
            for read in ([case.positive] if case.positive is not None else []) + list(case.documents):
                document = read()
                ids.append(document.key)
                yield replace(case.request, documents=(document,))

    verdicts: list[Verdict] = []
    for outcome in model.answer(requests()):
        yield from _without_requests(pending)
        case, ids = pending[0]
        verdicts.append(_verdict(ids[len(verdicts)], outcome, case))
        if len(verdicts) == len(case.documents) + (case.positive is not None):
            pending.popleft()
            yield (verdicts[0], verdicts[1:]) if case.positive is not None else (None, verdicts)
            verdicts = []
    yield from _without_requests(pending)


def _without_requests(pending: deque[tuple[Case, list[str]]]) -> Iterator[tuple[None, list[Verdict]]]:
    """Results of the next cases that have nothing to ask."""
    while pending and not pending[0][0].documents and pending[0][0].positive is None:
        pending.popleft()
        yield None, []


def _verdict(doc_id: str, outcome: Answered[str] | Failed, case: Case) -> Verdict:
    if isinstance(outcome, Failed):
        return Verdict(doc_id, None, outcome.reason)
    return Verdict(doc_id, is_correct(outcome.value, case.answers, case.nuggets))


def apply_verdicts(
    settings: Judge,
    positives: Sequence[Mapping[str, Any]],
    negatives: Sequence[Negative],
    verdicts: Sequence[Verdict],
    keys: Callable[[str], Mapping[str, str]],
) -> Outcome:
    """What the recipe makes of the negatives that answer, and of those that are too near to a new positive.

    :param positives: Structs of column ``positives``, the best first.
    :param keys: Of a document, by its id: values of ``page_id``, ``cluster``, ``key`` and ``title``, as far as
        negatives must differ from positives in them.
    """
    answering = {one.doc_id for one in verdicts if one.answers}
    notes = [Note(one.doc_id, NOT_JUDGED, one.reason) for one in verdicts if one.answers is None]
    if settings.negatives == "keep" or not answering:
        return Outcome([dict(one) for one in positives], list(negatives), notes)
    new = [one for one in negatives if one.doc_id in answering and _becomes_positive(settings, positives[0], one)]
    taken = {one.doc_id for one in new}
    notes += [Note(name, JUDGED_ANSWERING, "answers the question; left out") for name in sorted(answering - taken)]
    notes += [Note(name, JUDGED_POSITIVE, "answers the question; became a positive") for name in sorted(taken)]
    left: list[Negative] = []
    known = [(one.doc_id, keys(one.doc_id)) for one in new]
    for one in (negative for negative in negatives if negative.doc_id not in answering):
        shared = _shared(keys(one.doc_id), known) if known else None
        if shared is None:
            left.append(one)
        else:
            column, positive = shared
            notes.append(Note(one.doc_id, f"shares_{column}", f"of judged positive {positive}"))
    judged = [{"doc_id": one.doc_id, "rank": one.rank, "score": one.score, "origin": "judged"} for one in new]
    return Outcome([*(dict(one) for one in positives), *judged], left, notes)


def _becomes_positive(settings: Judge, positive: Mapping[str, Any], negative: Negative) -> bool:
    """Whether an answering negative becomes a positive; ARHN takes those that the miner ranks above the positive."""
    if settings.negatives != "positive" or settings.policy == "rlhn":
        return settings.negatives == "positive"
    return negative.rank is not None and (positive["rank"] is None or negative.rank < positive["rank"])


def _shared(own: Mapping[str, str], known: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[str, str] | None:
    """The first column that a document shares with one of ``known``, and that one's id."""
    for column in _SHARED:
        for doc_id, keys in known:
            if own.get(column) and own[column] == keys.get(column):
                return column, doc_id
    return None
