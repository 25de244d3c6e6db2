"""Questions of the extractive generator in other words than their document's."""

from __future__ import annotations

import pytest

from nyxqa.builders.vlm.extractive.lexicon import reworded, with_articles
from nyxqa.builders.vlm.extractive.model import ExtractiveVlm
from nyxqa.builders.vlm.extractive.text_questions import COPIED, copied_share, least_copied
from nyxqa.builders.vlm.protocol import Answered, QaPair, VlmDocument, VlmRequest
from nyxqa.schemas.content import Content
from nyxqa.schemas.words import words

PAGES = {
    "Windmill": "A windmill is a machine that turns the force of moving air into rotation. It was used to grind grain.",
    "Lake Orrin": "Lake Orrin is the deepest lake of the Tarrow Highlands. The lake was mapped by Ada Quill in 1874.",
    "Mara Lindqvist": (
        "Mara Lindqvist was a Swedish botanist and explorer who described the mosses of Lapland. She was born in "
        "Gothenburg."
    ),
    "The Salt Road": "The Salt Road is a novel by Norwegian author Jon Vik. It was published in 1962.",
    "Velmar": "Velmar is the capital and most populous city of Ghana. Velmar has a population of 1,200,000 people.",
    "Kestrel War": "The Kestrel War was a war between Norway and Denmark that lasted from 1611 to 1613.",
    "Osmium pump": "In chemistry, an osmium pump (OP) is a device that removes dissolved metal ions from water.",
    "Limpets": "Limpets are sea snails with a cone of shell that cling to the rocks of the coast.",
}


def asked(title: str, text: str, most: int = 5) -> list[QaPair]:
    outcome = next(ExtractiveVlm(42).questions([VlmDocument(title, Content(text), title=title)], most))
    assert isinstance(outcome, Answered), outcome
    return outcome.value


@pytest.mark.parametrize(
    ("title", "question", "answer"),
    [
        ("Windmill", "Which term means a machine that turns the force of moving air into rotation?", "windmill"),
        ("Lake Orrin", "Which place is Lake Orrin the deepest lake of?", "Tarrow Highlands"),
        ("Lake Orrin", "Who or what was Lake Orrin mapped by?", "Ada Quill"),
        ("Mara Lindqvist", "In which place was Mara Lindqvist born?", "Gothenburg"),
        ("The Salt Road", "Who wrote the Salt Road?", "Jon Vik"),
        ("The Salt Road", "In what year was the Salt Road published?", "1962"),
        ("Velmar", "Which country is Velmar the seat of government and most populous city of?", "Ghana"),
        ("Kestrel War", "When did the Kestrel War come to an end?", "1613"),
        ("Osmium pump", "What do you call a device that removes dissolved metal ions from water?", "osmium pump"),
    ],
)
def test_sentences_are_asked_about_as_people_ask(title: str, question: str, answer: str) -> None:
    assert QaPair(question, answer) in asked(title, PAGES[title])


@pytest.mark.parametrize("title", PAGES)
def test_questions_copy_little_and_are_answered_by_their_document(title: str) -> None:
    text = PAGES[title]
    known = frozenset(words(f"{title}\n{text}"))
    pairs = [pair for pair in asked(title, text) if "____" not in pair.question]
    assert pairs
    for pair in pairs:
        assert copied_share(pair.question, known) <= COPIED, pair
        assert pair.answer.lower() in text.lower()
    request = VlmRequest("q", Content(pairs[0].question), "", (VlmDocument(title, Content(text), title=title),))
    assert list(ExtractiveVlm(42).answer([request])) == [Answered(pairs[0].answer)]


def test_a_document_without_a_title_is_asked_about_by_what_it_defines_first() -> None:
    outcome = next(ExtractiveVlm(42).questions([VlmDocument("d", Content(PAGES["Velmar"]))], 5))
    assert isinstance(outcome, Answered)
    assert outcome.value == asked("Velmar", PAGES["Velmar"])


def test_a_description_is_whole_and_does_not_spell_the_answer() -> None:
    text = "Ebba's Mill is the only tide mill of Ebba Holm in Denmark, and a museum since it was rebuilt in 1952."
    assert all(
        "ebba" not in words(pair.question) or pair.answer != "Ebba's Mill" for pair in asked("Ebba's Mill", text)
    )
    broad = "Ninova is a city in Chile. It has two harbours on the coast of the ocean and many old wooden houses."
    assert all(pair.answer != "Ninova" for pair in asked("Ninova", broad)), "many cities are in Chile"


def test_the_first_way_that_copies_little_is_taken_and_words_are_replaced_where_none_does() -> None:
    known = frozenset(words("the largest lake is located near the town of fishermen where boats were"))
    assert least_copied(["The largest boats near the town?", "Which lake do boats cross?"], known) == (
        "Which lake do boats cross?"
    )
    assert least_copied(["The largest boats located near the town is?"], known) == (
        "The largest boats located close to the town is?"
    )
    assert least_copied(["Boats of fishermen?"], known) is None


def test_peoples_become_countries_and_articles_fit() -> None:
    assert "Can you name a chemist from Belgium?" in list(reworded("Can you name a Belgian chemist?"))
    assert with_articles("a author of an book and a hour") == "an author of a book and a hour"
