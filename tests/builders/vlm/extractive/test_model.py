"""The extractive generator: its questions, answers and distractors."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from nyxqa.builders.vlm.extractive.model import ExtractiveVlm
from nyxqa.builders.vlm.protocol import Answered, Failed, QaPair, VlmDocument, VlmImage, VlmRequest
from nyxqa.schemas.answers import normalise_answer
from nyxqa.schemas.content import Content
from nyxqa.schemas.words import words

JAPAN = VlmDocument(
    "japan",
    Content(
        "The flag of Japan shows a red disc on a white field. It was adopted late. The Tokugawa shogunate ordered "
        "Japanese ships to fly the sun disc in 1854, so that foreign ships could recognise them.\n<|image|>\n"
        "This text says more. The author of the flag is unknown. A proclamation of 27 February 1870 made the sun disc "
        "the flag of Japanese merchant ships.\n<|image|>",
        (
            VlmImage("a", "The flag of Japan is white with one large red disc in the centre."),
            VlmImage("b", "The flag of Bangladesh is dark green with one red disc slightly left of the centre."),
        ),
    ),
    title="Flag of Japan",
)
SEED = 42


def asked(source: VlmDocument, most: int = 5) -> list[QaPair]:
    outcome = next(ExtractiveVlm(SEED).questions([source], most))
    assert isinstance(outcome, Answered)
    return outcome.value


def options(
    answer: str, *documents: VlmDocument, question: str = "Fill in the blank: ____", key: str = "q"
) -> list[str]:
    outcome = next(ExtractiveVlm(SEED).distractors([VlmRequest(key, Content(question), answer, documents)], 3))
    assert isinstance(outcome, Answered), outcome
    return outcome.value


def test_questions_of_a_document_with_two_images() -> None:
    assert asked(JAPAN, 2) == [
        QaPair(
            "With regard to Flag of Japan, when did the Tokugawa shogunate order Japanese ships to fly the sun disc?",
            "1854",
        ),
        QaPair("What colour is the disc in <image1>?", "red"),
        QaPair("Which colour appears in <image1> but not in <image2>?", "white"),
        QaPair("Which colour appears in <image2> but not in <image1>?", "green"),
    ]


def test_every_answer_is_short_in_the_source_and_not_in_its_question() -> None:
    said = JAPAN.content.text + " ".join(picture.caption for picture in JAPAN.content.images)
    for pair in asked(JAPAN):
        assert pair.answer in said
        assert 1 <= len(words(pair.answer)) <= 5
        assert not set(words(normalise_answer(pair.answer))) & set(words(pair.question))


def test_sentences_that_depend_on_others_or_mention_the_page_are_not_used() -> None:
    questions = " ".join(pair.question for pair in asked(JAPAN))
    assert "adopted late" not in questions
    assert not re.search(r"\b(text|author)\b", questions)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It was built in 1854 by the engineers of the old city.",
        "Home | About | Contact",
        "He said that this was so, and nobody was there to hear him say it.",
        "photo_0123.jpg",
    ],
)
def test_a_document_without_a_self_contained_sentence_has_no_question(text: str) -> None:
    outcome = next(ExtractiveVlm(SEED).questions([VlmDocument("d", Content(text))], 5))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "no_question"


def test_a_title_is_named_where_the_sentence_does_not_name_it() -> None:
    source = VlmDocument(
        "n", Content("The nebula was discovered by the astronomer John Bevis in 1731."), title="Crab Nebula"
    )
    assert asked(source)[0] == QaPair(
        "With regard to Crab Nebula, by which astronomer was the nebula discovered?", "John Bevis"
    )
    cloze = VlmDocument("n", Content("As a nebula, the remnant of 1054 surrounds a pulsar of Taurus."), title="Crab")
    assert asked(cloze)[0].question.startswith("Fill in the blank: Crab: As a nebula, the remnant of")


def test_abbreviations_end_no_sentence() -> None:
    source = VlmDocument("g", Content("The book of Dr. Smith was printed in Leipzig by J. K. Galbraith in 1731."))
    assert all("Dr. " in pair.question or pair.answer == "Smith" for pair in asked(source))


def test_refining_keeps_what_is_short() -> None:
    asks = [
        VlmRequest("a", Content("?"), "five short words are fine"),
        VlmRequest("b", Content("?"), "six words are one too many"),
    ]
    assert list(ExtractiveVlm(SEED).refine(asks, 5)) == [
        Answered(QaPair("", "five short words are fine")),
        Failed("too_long", "6 words, limit 5"),
    ]


def test_answers_come_from_the_best_sentence() -> None:
    model = ExtractiveVlm(SEED)
    pairs = [pair for pair in asked(JAPAN) if "<image" not in pair.question]
    asks = [VlmRequest(str(n), Content(pair.question), documents=(JAPAN,)) for n, pair in enumerate(pairs)]
    assert list(model.answer(asks)) == [Answered(pair.answer) for pair in pairs]
    plain = VlmRequest(
        "p", Content("When did a proclamation make the sun disc the flag of merchant ships?"), "", (JAPAN,)
    )
    assert list(model.answer([plain])) == [Answered("27 February 1870")]


def test_it_abstains_closed_book_on_pictures_and_on_foreign_documents() -> None:
    picture = JAPAN.content.images[0]
    far = VlmDocument("x", Content("Ammonia is a colourless gas with a pungent smell."))
    question = "Fill in the blank: The flag of Japan shows a ____ disc on a white field."
    asks = [
        VlmRequest("closed", Content(question)),
        VlmRequest("seen", Content(f"<|image|> {question}", (picture,)), "", (JAPAN,)),
        VlmRequest("far", Content(question), "", (far,)),
    ]
    assert list(ExtractiveVlm(SEED).answer(asks)) == [Answered("")] * 3


@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("80 percent", r"\d{1,2} percent"),
        ("27 February 1870", r"\d{1,2} February \d{4}"),
        ("10,935 metres", r"\d{1,2},\d{3} metres"),
        ("2:3", r"\d+:\d+"),
        ("29.5 days", r"\d+\.\d days"),
        ("1854", r"\d{4}"),
        ("18th", r"\d+(?:st|nd|rd|th)"),
        ("red", r"[a-z]+"),
        ("October", r"[A-Z][a-z]+"),
        ("nitrogen", r"[a-z]+"),
        ("Norway", r"[A-Z][a-z]+"),
    ],
)
def test_wrong_options_have_the_form_of_the_key(key: str, form: str) -> None:
    found = options(key)
    assert all(re.fullmatch(form, option) for option in found), found
    assert len({normalise_answer(option) for option in [*found, key]}) == 4


def test_wrong_options_prefer_what_the_documents_name_and_leave_out_what_the_question_says() -> None:
    source = VlmDocument(
        "f", Content("The flag of Mali has bands in green, yellow and red. The sky is blue and black.")
    )
    question = "Fill in the blank: The flag of Mali has bands in green, ____ and red."
    found = options("yellow", source, question=question)
    assert {"blue", "black"} < set(found)
    assert not {"green", "red", "gold", "golden"} & set(found)


def test_wrong_options_depend_on_item_and_seed_not_on_the_order() -> None:
    colours = ["red", "blue", "green", "white", "red", "black", "blue", "red"]
    asks = [VlmRequest(f"q{n}", Content("____"), colour) for n, colour in enumerate(colours)]
    found = list(ExtractiveVlm(SEED).distractors(asks, 3))
    assert list(ExtractiveVlm(SEED).distractors(reversed(asks), 3)) == found[::-1]
    assert any(list(ExtractiveVlm(seed).distractors(asks, 3)) != found for seed in range(5))


def test_each_word_is_a_wrong_option_three_times_as_often_as_it_is_the_key() -> None:
    keys = Counter({"red": 60, "blue": 50, "white": 40, "green": 30, "black": 15, "pink": 5})
    asks = [VlmRequest(f"{key}{n}", Content("____"), key) for key, count in keys.items() for n in range(count)]
    shown: Counter[str] = Counter()
    for outcome in ExtractiveVlm(SEED).distractors(asks, 3):
        assert isinstance(outcome, Answered)
        shown.update(outcome.value)
    assert set(shown) == set(keys)
    # Red would have to stand beside 180 of the 140 others: it cannot, so what is left over goes to the rest.
    assert shown["red"] > 130
    keys["red"] = 40
    asks = [ask for ask in asks if ask.answer != "red" or int(ask.key[3:]) < 40]
    shown = Counter(o for found in ExtractiveVlm(SEED).distractors(asks, 3) for o in getattr(found, "value", []))
    assert all(0.8 <= shown[key] / (3 * count) <= 1.4 for key, count in keys.items()), shown


@pytest.mark.parametrize("key", ["1954", "10,935 metres", "12 days", "29.5 days"])
def test_a_number_stands_anywhere_among_its_wrong_options(key: str) -> None:
    places: Counter[int] = Counter()
    for n in range(400):
        amounts = [float(re.sub(r"[^\d.]", "", option)) for option in [key, *options(key, key=str(n))]]
        places[sorted(amounts).index(amounts[0])] += 1
    assert all(60 <= places[place] <= 140 for place in range(4)), places


@pytest.mark.parametrize("share", ["1", "9", "30", "40", "75", "90", "99", "0.04", "99.9"])
def test_shares_stay_below_a_hundred(share: str) -> None:
    for n in range(50):
        assert all(0 < float(option.split()[0]) < 100 for option in options(f"{share} percent", key=str(n)))


def test_too_few_options_is_a_failure() -> None:
    assert list(ExtractiveVlm(SEED).distractors([VlmRequest("a", Content("____"), "zugzwang")], 3)) == [
        Failed("too_few_distractors", "0 of 3")
    ]
