"""What becomes of negatives that answer their question, by the recipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from nyxqa.builders.mining.judging import (
    Case,
    Negative,
    Note,
    Verdict,
    apply_verdicts,
    ask_judge,
    judges,
)
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.protocol import Answered, Failed, VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.recipe import Judge
from nyxqa.schemas.recipe_file import read_recipe
from tests.support.models import Told

POSITIVE = {"doc_id": "own", "rank": 4, "score": 0.5, "origin": "source"}
NEGATIVES = [Negative(f"d{rank}", rank, 1 / rank) for rank in (2, 3, 5, 6)]
# d3 is of the page of d5, d6 of the words of d2.
KEYS = {
    "d2": {"page_id": "p2", "cluster": "d2", "key": "x"},
    "d3": {"page_id": "p5", "cluster": "d3", "key": "y"},
    "d5": {"page_id": "p5", "cluster": "d5", "key": ""},
    "d6": {"page_id": "p6", "cluster": "d6", "key": "x"},
}


def outcome(answering: Iterable[str], **settings: Any) -> tuple[list[str], list[str], dict[str, str]]:
    verdicts = [Verdict(one.doc_id, one.doc_id in answering) for one in NEGATIVES]
    found = apply_verdicts(Judge(**settings), [POSITIVE], NEGATIVES, verdicts, KEYS.__getitem__)
    judged = [one["doc_id"] for one in found.positives if one["origin"] == "judged"]
    assert found.positives[0] == POSITIVE
    return judged, [one.doc_id for one in found.negatives], {note.doc_id: note.reason for note in found.notes}


def test_a_negative_that_answers_becomes_a_positive_and_takes_its_like_along() -> None:
    assert outcome(["d2"]) == (["d2"], ["d3", "d5"], {"d2": "judged_positive", "d6": "shares_key"})
    assert outcome(["d5"]) == (["d5"], ["d2", "d6"], {"d5": "judged_positive", "d3": "shares_page_id"})
    assert outcome([]) == ([], ["d2", "d3", "d5", "d6"], {})


def test_or_it_goes_or_it_stays() -> None:
    assert outcome(["d2"], negatives="remove") == ([], ["d3", "d5", "d6"], {"d2": "judged_answering"})
    assert outcome(["d2"], negatives="keep") == ([], ["d2", "d3", "d5", "d6"], {})


def test_arhn_takes_what_ranks_above_the_positive_and_leaves_out_the_rest() -> None:
    assert outcome(["d3", "d6"], policy="arhn") == (
        ["d3"],
        ["d2"],
        {"d3": "judged_positive", "d6": "judged_answering", "d5": "shares_page_id"},
    )
    assert outcome(["d3", "d6"], policy="arhn", negatives="remove")[0] == []
    unranked = apply_verdicts(
        Judge(policy="arhn"), [{**POSITIVE, "rank": None}], NEGATIVES, [Verdict("d6", True)], KEYS.__getitem__
    )
    assert unranked.positives[1] == {"doc_id": "d6", "rank": 6, "score": 1 / 6, "origin": "judged"}


def test_what_could_not_be_judged_stays_and_is_noted() -> None:
    verdicts = [Verdict("d2", None, "server_error"), Verdict("d3", False)]
    found = apply_verdicts(Judge(), [POSITIVE], NEGATIVES, verdicts, KEYS.__getitem__)
    assert found.negatives == NEGATIVES
    assert found.notes == [Note("d2", "not_judged", "server_error")]


class _Judge(Told):
    """Answers with the text of the document; fails where that is empty."""

    def answer(self, asks: Iterable[VlmRequest]) -> Iterator[Answered[str] | Failed]:
        for ask in asks:
            (document,) = ask.documents
            yield Answered(document.content.text) if document.content.text else Failed("refused")


def test_each_document_is_asked_about_alone_and_scored_like_evidence() -> None:
    def document(key: str, text: str) -> VlmDocument:
        return VlmDocument(key, Content(text))

    def case(*texts: str, positive: str | None = None) -> Case:
        documents = [partial(document, f"d{number}", text) for number, text in enumerate(texts)]
        own = partial(document, "own", positive) if positive is not None else None
        return Case(VlmRequest("q", Content("What?")), documents, ["the basalt", "rock"], own)

    cases = [
        case(),
        case("Basalt.", "granite", ""),
        case(),
        case(positive="a rock"),
        case("rock", positive="x"),
        case(),
    ]
    verdicts = list(ask_judge(_Judge(), iter(cases)))
    assert [(one and one.answers, [each.answers for each in rest]) for one, rest in verdicts] == [
        (None, []),
        (None, [True, False, None]),
        (None, []),
        (True, []),
        (False, [True]),
        (None, []),
    ]
    assert verdicts[1][1][2] == Verdict("d2", None, "refused")
    assert list(ask_judge(_Judge(), iter([case(), case()]))) == [(None, []), (None, [])]


@pytest.mark.parametrize(("model", "on"), [("extractive", False), ("openai:m@http://x/v1", True)])
def test_auto_means_with_a_model_that_can_judge(model: str, on: bool) -> None:
    assert judges(Judge(), make_provider(model).info) is on
    assert judges(Judge(enabled=True), make_provider(model).info)
    assert not judges(read_recipe("paper").judge, make_provider(model).info)
