from __future__ import annotations

import pytest

from nyxqa.builders.qa.rules import Broken, Resolved, cites_image, resolve
from nyxqa.schemas.content import PLACEHOLDER


def reason(question: str, images: int = 2) -> str | None:
    found = resolve(question, images, "repaired")
    return found.reason if isinstance(found, Broken) else None


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
    assert resolve(question, 0, "repaired") == Resolved(question, ())


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
    found = resolve("Is <image2> older  than < Image 1 >?", 2, "repaired")
    assert found == Resolved(f"Is {PLACEHOLDER} older than {PLACEHOLDER}?", (1, 0))


def test_an_image_cited_twice_counts_once() -> None:
    found = resolve("Which flag in <image1> is red, and which in <image1> is blue?", 1, "repaired")
    assert isinstance(found, Resolved)
    assert found.images == (0,)
    assert found.question.count(PLACEHOLDER) == 1
    assert "the same image" in found.question


def test_each_of_several_images_cited_again_is_told_from_the_others() -> None:
    found = resolve("Is <image3> older than <image1>, or <image1> newer than <image3>?", 3, "repaired")
    asked = f"Is {PLACEHOLDER} older than {PLACEHOLDER}, or the second image newer than the first image?"
    assert found == Resolved(asked, (2, 0))
    six = "".join(f"<image{n}> " for n in (1, 2, 3, 4, 5, 6, 6))
    seen = resolve(f"Which of {six} is red?", 6, "repaired")
    assert isinstance(seen, Resolved)
    assert seen.question.endswith(f"{PLACEHOLDER} image number 6 is red?")
    assert resolve("Is <image1> or <image4> or <image1> red?", 3, "repaired") == Broken(
        "bad_citation", "<image4> of 3 images"
    )


def test_paper_rules_look_at_parts_of_words_as_the_paper_did() -> None:
    assert isinstance(resolve("In what context?", 0, "paper"), Broken)
    assert isinstance(resolve("Which authority?", 0, "paper"), Broken)
    assert resolve("What is said in this document?", 0, "paper") == Resolved("What is said in this document?", ())
    assert isinstance(resolve("What does the image show?", 1, "paper"), Broken)
    assert resolve("What does <image1> show?", 1, "paper") == Resolved(f"What does {PLACEHOLDER} show?", (0,))
    assert resolve("What is <image0>?", 1, "paper") == Broken("bad_citation", "<image0> of 1 images")


def test_answers_that_cite_images_are_seen() -> None:
    assert cites_image("<image1>")
    assert cites_image(PLACEHOLDER)
    assert not cites_image("3 < 5 and an image of Bach")
