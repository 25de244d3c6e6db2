from __future__ import annotations

import pytest

from nyxqa.builders.qa.rules import ResolvedQuestion, RuleViolation, cites_image, resolve_citations
from nyxqa.schemas.content import PLACEHOLDER


def reason(question: str, images: int = 2) -> str | None:
    found = resolve_citations(question, images, "repaired")
    return found.reason if isinstance(found, RuleViolation) else None


@pytest.mark.parametrize(
    "question",
    [
        "In what context did Ada Lovelace write?",
        "Which texture has basalt?",
        "Which authority issues the permits?",
        "Who authorised the contextual textiles?",
        "Which passageway leads to the crypt?",
        "Which imagery did the imaginary poet use?",
        "Which document did King John seal in 1215?",
    ],
)
def test_words_that_only_look_like_ours_stay(question: str) -> None:
    assert resolve_citations(question, 0, "repaired") == ResolvedQuestion(question, ())


@pytest.mark.parametrize(
    "question",
    [
        "Text: what is it?",
        "What does the text say?",
        "What is said in this document?",
        "According to the passage, who won?",
        "Who is the AUTHOR?",
        "What do the authors claim?",
        "What does the given article state?",
        "What follows from the above paragraph?",
        "What is on the following page?",
        "What is in the excerpt?",
    ],
)
def test_questions_that_point_at_their_document_go(question: str) -> None:
    assert reason(question) == "refers_to_document"


@pytest.mark.parametrize("question", ["What does the image show?", "Who is in the PHOTOS?", "What is in image1?"])
def test_a_question_on_an_image_must_cite_it(question: str) -> None:
    assert reason(question) == "image_not_cited"


@pytest.mark.parametrize(
    "question",
    ["What is <image0>?", "What is <image3>?", "What is <image>?", f"What is {PLACEHOLDER}?", "<image one>?"],
)
def test_a_citation_of_no_image_is_bad(question: str) -> None:
    assert reason(question) == "bad_citation"


@pytest.mark.parametrize("question", ["", " ", "<image1>", "<image1>?", "?"])
def test_a_citation_alone_asks_nothing(question: str) -> None:
    assert reason(question) == "no_question"


def test_images_are_those_of_the_placeholders_in_their_order() -> None:
    found = resolve_citations("Is <image2> older  than < Image 1 >?", 2, "repaired")
    assert found == ResolvedQuestion(f"Is {PLACEHOLDER} older than {PLACEHOLDER}?", (1, 0))


def test_an_image_cited_twice_counts_once() -> None:
    found = resolve_citations("Which flag in <image1> is red, and which in <image1> is blue?", 1, "repaired")
    assert isinstance(found, ResolvedQuestion)
    assert found.images == (0,)
    assert found.question.count(PLACEHOLDER) == 1
    assert "the same image" in found.question


def test_each_of_several_images_cited_again_is_told_from_the_others() -> None:
    found = resolve_citations("Is <image3> older than <image1>, or <image1> newer than <image3>?", 3, "repaired")
    asked = f"Is {PLACEHOLDER} older than {PLACEHOLDER}, or the second image newer than the first image?"
    assert found == ResolvedQuestion(asked, (2, 0))
    six = "".join(f"<image{n}> " for n in (1, 2, 3, 4, 5, 6, 6))
    seen = resolve_citations(f"Which of {six} is red?", 6, "repaired")
    assert isinstance(seen, ResolvedQuestion)
    assert seen.question.endswith(f"{PLACEHOLDER} image number 6 is red?")
    assert resolve_citations("Is <image1> or <image4> or <image1> red?", 3, "repaired") == RuleViolation(
        "bad_citation", "<image4> of 3 images"
    )


def test_paper_rules_look_at_parts_of_words_as_the_paper_did() -> None:
    assert isinstance(resolve_citations("In what context?", 0, "paper"), RuleViolation)
    assert isinstance(resolve_citations("Which authority?", 0, "paper"), RuleViolation)
    assert resolve_citations("What is said in this document?", 0, "paper") == ResolvedQuestion(
        "What is said in this document?", ()
    )
    assert isinstance(resolve_citations("What does the image show?", 1, "paper"), RuleViolation)
    assert resolve_citations("What does <image1> show?", 1, "paper") == ResolvedQuestion(
        f"What does {PLACEHOLDER} show?", (0,)
    )
    assert resolve_citations("What is <image0>?", 1, "paper") == RuleViolation("bad_citation", "<image0> of 1 images")


def test_answers_that_cite_images_are_seen() -> None:
    assert cites_image("<image1>")
    assert cites_image(PLACEHOLDER)
    assert not cites_image("3 < 5 and an image of Bach")
