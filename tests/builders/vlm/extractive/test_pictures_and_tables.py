"""Questions of the extractive generator on pictures, figures and tables, and the sentences that it leaves alone."""

from __future__ import annotations

import pytest

from nyxqa.builders.vlm.extractive.model import ExtractiveVlm
from nyxqa.builders.vlm.protocol import Answered, QaPair, VlmDocument, VlmImage, VlmRequest
from nyxqa.schemas.content import Content


def asked(text: str, *captions: str, title: str | None = None) -> list[QaPair]:
    images = tuple(VlmImage(str(number), caption) for number, caption in enumerate(captions))
    source = VlmDocument("d", Content("<|image|>\n" * len(images) + text, images), title)
    outcome = next(ExtractiveVlm(42).questions([source], 5))
    return outcome.value if isinstance(outcome, Answered) else []


@pytest.mark.parametrize(
    ("caption", "question", "answer"),
    [
        ("Local entropy", "What does <image1> show?", "Local entropy"),
        ("The old lighthouse, 1903", "What does <image1> show?", "old lighthouse"),
        ("Figure 2: Harbour crane (before the fire)", "What does <image1> show?", "Harbour crane"),
        ("Approximate and subdivide polygons", "What does <image1> show?", "Approximate and subdivide polygons"),
        ("Portrait of Ada Holt", "Fill in the blank for <image1>: Portrait of ____", "Ada Holt"),
        ("Map of the Varn peninsula, 1871", "Fill in the blank for <image1>: Map of the ____, 1871", "Varn peninsula"),
    ],
)
def test_a_short_caption_is_asked_for(caption: str, question: str, answer: str) -> None:
    pairs = asked("It was so.", caption)
    assert pairs == [QaPair(question, answer)]


@pytest.mark.parametrize(
    "caption", ["", "image", "Logo", "photo_0123.jpg", "Figure 3", "see more here", "12", "plot swirl", "input, output"]
)
def test_a_caption_that_says_nothing_gives_no_question(caption: str) -> None:
    assert asked("It was so.", caption) == []


def test_the_panels_of_a_figure_are_asked_for_in_their_order() -> None:
    pairs = asked("It was so.", "Original, Sobel filtered, Segmented nose")
    assert QaPair("Which title follows \u201cSobel filtered\u201d in <image1>?", "Segmented nose") in pairs


def test_what_the_text_says_of_a_numbered_figure_is_asked_for_its_picture() -> None:
    text = (
        "Figure 2 shows the lighthouse of Varn with a red lantern above two white bands. "
        "The harbour crane of Varn (see Fig. 1) lifted blocks of 14 tonnes from the ships of the guild."
    )
    pairs = asked(text, "Fig. 1: A crane at work", "Figure 2. Lighthouse")
    first = {pair.answer for pair in pairs if pair.question.startswith("Fill in the blank for <image1>: The harbour")}
    second = {pair.answer for pair in pairs if pair.question.startswith("Fill in the blank for <image2>: The figure")}
    assert "14 tonnes" in first
    assert second & {"red", "white", "two"}
    assert not any("Fig" in pair.question.replace("The figure", "") for pair in pairs)


def test_a_title_that_a_comma_cuts_is_no_panel() -> None:
    assert not any(
        "follows" in pair.question for pair in asked("It was so.", "Structuring, rectangle(15, 10), star(5)")
    )


def test_rows_of_tables_are_asked_for() -> None:
    text = "Height table\nTower | Height | Year\nVarn | 38 metres | 1871\nTolla | 41 metres | 1902\nThe end."
    pairs = asked(text, title="Towers of the coast")
    assert QaPair("In the table of \u201cTowers of the coast\u201d, what is the Height of Varn?", "38 metres") in pairs
    index = (
        "keys() (in module varn.keys) | horn() (in module varn.horn)\nlamp() (in module varn) | mill() (in module varn)"
    )
    assert asked(index, title="Index") == []
    listed = "varn.light(x, y) | Turns on the lantern of a tower.\nvarn.horn() | Blows the signal of the harbour."
    assert asked(listed, title="Module: varn") == [
        QaPair(
            "Which entry of \u201cModule: varn\u201d is described as \u201cTurns on the lantern of a tower\u201d?",
            "varn.light",
        ),
        QaPair(
            "Which entry of \u201cModule: varn\u201d is described as \u201cBlows the signal of the harbour\u201d?",
            "varn.horn",
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Standard deviation of the Gaussian kernel used for the Hessian matrix.",
        "Standard deviation used for the Gaussian kernel, which is used for the Hessian matrix of Varn.",
        "A 2d array with each row representing 3 values, where the rows of Varn are coordinates of the blob.",
        "Masked Object Registration in the Fourier Domain.",
        "[Zha84] A fast algorithm for thinning digital patterns, T. Y. Zhang, March 1984, Volume 27, Number 3.",
        "In version 0.16, will be set to False by the developers of Varn.",
        "Refer to to find the differences between the Frangi and Hessian filters of Varn.",
        "Module names of the Varn project and the list of its 14 contributors.",
    ],
)
def test_fragments_headings_and_references_give_no_question(text: str) -> None:
    assert asked(text) == []


def test_options_on_a_picture_are_captions_of_other_pictures_of_like_frequency() -> None:
    names = ["Harbour crane", "Old lighthouse", "Stone bridge", "Grain mill", "Fish market", "Salt tower"]
    requests = []
    for number, name in enumerate(names):
        picture = VlmImage(str(number), name)
        source = VlmDocument(str(number), Content("<|image|>\nAda Holt met Bert Quill.", (picture,)))
        question = Content("What does <|image|> show?", (picture,))
        requests.append(VlmRequest(f"q{number}", question, name, (source,)))
    for request, outcome in zip(requests, ExtractiveVlm(42).distractors(requests, 3), strict=True):
        assert isinstance(outcome, Answered)
        assert set(outcome.value) < set(names) - {request.answer}


def test_options_of_an_entry_of_a_table_are_other_entries_of_its_column() -> None:
    rows = [
        "varn.light() | Turns on the lantern of a tower.",
        "varn.signals.blow_horn(length) | Blows the signal of the harbour.",
        "varn.signals.raise_flag() | Shows which vessel may enter.",
        "varn.keeper.read_gauge(name) | Returns the level of a basin.",
        "varn.keeper.open_gate() | Lets the water of the canal out.",
    ]
    names = {row.partition("(")[0] for row in rows}
    text = "\n".join(["The modules of Varn control a harbour and its basins.", *rows])
    document = VlmDocument("d", Content(text))
    asked_for = "Which entry of \u201cModules\u201d is described as \u201cShows which vessel may enter\u201d?"
    request = VlmRequest("q", Content(asked_for), "varn.signals.raise_flag", (document,))
    (outcome,) = ExtractiveVlm(42).distractors([request], 3)
    assert isinstance(outcome, Answered)
    assert len(outcome.value) == 3
    assert set(outcome.value) < names - {request.answer}
