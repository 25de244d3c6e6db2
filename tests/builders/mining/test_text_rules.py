from dataclasses import asdict, dataclass
from typing import Any

import pytest

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.mining.gold import GoldFinder
from nyxqa.builders.mining.negative_selection import max_negative_score
from nyxqa.builders.mining.report import mining_report
from nyxqa.builders.mining.text_rules import PAPER, Choice, Ranked, Rules, mine_set_question
from nyxqa.builders.qa.answer_match import contains_answer, searchable_answers
from nyxqa.builders.question_sets.passages import Passage
from nyxqa.builders.question_sets.questions import Gold


@dataclass
class Doc:
    id: str
    title: str
    text: str
    images: tuple[dict[str, str], ...] = ()


DOCS = [Doc(f"d{n}", f"Title {n}", f"text number {n}") for n in range(30)]
SCORES = [1 - n / 100 for n in range(30)]


def mined(rules: Rules, answers: Any = ("none such",), docs: list[Doc] = DOCS, **more: Any) -> Choice | Drop:
    options = {"rows": list(range(len(docs)))[:20], "scores": SCORES, **more}
    return mine_set_question("q", answers, document=lambda row: docs[row], rules=rules, **options)


def choice(*args: Any, **more: Any) -> Choice:
    found = mined(*args, **more)
    assert isinstance(found, Choice), found
    return found


def changed(row: int, **fields: str) -> list[Doc]:
    return [Doc(**{**asdict(doc), **fields}) if number == row else doc for number, doc in enumerate(DOCS)]


def test_paper_takes_rank_1_and_ranks_11_to_20() -> None:
    found = choice(PAPER)
    assert found.positives == (Ranked("d0", 1, 1.0),)
    assert found.negatives == tuple(Ranked(f"d{n}", n + 1, SCORES[n]) for n in range(10, 20))
    assert found.positive_holds is False and found.excluded == {}


# In the Nyx code the first passage is positive whether or not it holds the answer.
def test_positive_is_the_best_that_holds_an_answer() -> None:
    docs = changed(4, text="It was Ann-Marie O'Neil, of course")
    found = choice(Rules(), ("ann-marie o'neil",), docs)
    assert found.positives == (Ranked("d4", 5, SCORES[4]),)
    assert found.positive_holds is True
    assert mined(Rules(), ("nowhere",)) == Drop("row", "q", "", "answer_not_retrieved")
    assert mined(Rules(), ("Yes", "no.")) == Drop("row", "q", "", "no_findable_answer")
    assert mined(Rules(), ()) == Drop("row", "q", "", "no_findable_answer")


def test_a_positive_among_the_negative_ranks_is_no_negative() -> None:
    found = choice(Rules(exclude=()), ("number 12",))
    assert found.positives[0].rank == 13
    assert [negative.rank for negative in found.negatives] == [11, 12, 14, 15, 16, 17, 18, 19, 20]
    assert found.excluded == {"same": 1}


# In the Nyx code negatives can be gold paragraphs, or hold the answer.
def test_each_rule_excludes_and_is_counted() -> None:
    docs = list(DOCS)
    docs[0] = Doc("d0", "Ann", "Ann was born.")
    docs[11] = Doc("d11", " ANN ", "Something else")
    docs[12] = Doc("d12", "Other", "ANN  was born.")
    docs[13] = Doc("d13", "Third", "No Ann here")
    docs[14] = Doc("d10", "Again", "listed twice")
    docs[15] = Doc("d15", "Annex", "Annabel")
    docs[16] = Doc("d16", "Copy", DOCS[17].text)
    found = choice(Rules(), ("Ann",), docs)
    assert [negative.id for negative in found.negatives] == ["d10", "d15", "d16", "d18", "d19"]
    assert [negative.rank for negative in found.negatives] == [11, 16, 17, 19, 20]
    assert found.excluded == {"title": 1, "equal": 2, "answer": 1, "same": 1}


def test_titleless_passages_do_not_share_a_title() -> None:
    docs = [Doc(doc.id, "", doc.text) for doc in DOCS]
    assert len(choice(Rules(positive="top1"), docs=docs).negatives) == 10


@pytest.mark.parametrize(
    ("positive", "margin", "expected"),
    [(0.8, 0.95, 0.76), (-1.0, 0.95, -1.05), (0.0, 0.5, 0.0), (2.0, 1.0, 2.0), (None, 0.9, float("-inf"))],
)
def test_margin_lies_below_the_positive_whatever_its_sign(positive: Any, margin: float, expected: float) -> None:
    assert max_negative_score(positive, margin) == pytest.approx(expected)


def test_margin_excludes_what_scores_too_high() -> None:
    found = choice(Rules(positive="top1", margin=0.85))
    assert [negative.rank for negative in found.negatives] == [16, 17, 18, 19, 20]
    assert found.excluded == {"margin": 5}
    negative = choice(Rules(positive="top1", margin=0.5), scores=[score - 2 for score in SCORES])
    assert negative.negatives == ()


def test_gold_gives_several_positives_by_rank() -> None:
    docs = changed(15, title="title 3")
    found = choice(Rules(positive="gold"), docs=docs, gold=[25, 12, 3, 12])
    assert found.positives == (
        Ranked("d3", 4, SCORES[3], "gold"),
        Ranked("d12", 13, SCORES[12], "gold"),
        Ranked("d25", None, None, "gold"),
    )
    assert found.excluded == {"same": 1, "title": 1}
    assert mined(Rules(positive="gold")) == Drop("row", "q", "", "gold_not_in_pool")
    # What was not retrieved scores below all that was: no margin can be kept.
    unseen = choice(Rules(positive="gold", margin=0.9), gold=[25])
    assert unseen.negatives == () and unseen.excluded == {"margin": 10}


def test_short_and_empty_lists() -> None:
    found = choice(PAPER, rows=[0, 1, 2, -1, -1], scores=[3.0, 2.0, 1.0, 0.0, 0.0])
    assert found.negatives == ()
    assert mined(PAPER, rows=[-1, -1]) == Drop("row", "q", "", "nothing_retrieved")


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("the art of war", "art", True),
        ("a smart start", "art", False),
        ("In the U.S. of today", "US", True),
        ("Cost: 1,000 euros", "1000", True),
        ("La Bohème, by Puccini", "la bohème", True),
        ("北京是首都", "首都", True),
        ("北京是首都", "都首", False),
        ("Anything", "!!!", False),
        ("The Beatles were", "Beatles", True),
        ("new yorkers", "new york", False),
    ],
)
def test_answers_stand_on_word_boundaries(text: str, answer: str, expected: bool) -> None:
    assert contains_answer(text, searchable_answers([answer])) is expected


def test_gold_is_found_by_id_by_text_and_by_title() -> None:
    body = "Ann Lee was a painter born in Leeds in the north of England in 1900"
    finder = GoldFinder(
        [
            [Gold(passage_id="7")],
            [Gold("Ann Lee", f"{body}. She died there."), Gold("Leeds", "")],
            [Gold("Ann Lee", "Quite another person of the same name lived in Rome")],
            [],
        ]
    )
    passages = [
        Passage("p:0", "1", "ann  lee", f'"Ann Lee"\n{body}'),
        Passage("p:1", "7", "Ann Lee", '"Ann Lee"\nA chapter on something that is told nowhere else'),
        Passage("p:2", "3", "Leeds", '"Leeds"\nA city'),
        Passage("p:3", "4", "Leeds", '"Leeds"\nIts history'),
        Passage("p:4", "5", "", "\nAnn Lee"),
    ]
    for row, passage in enumerate(passages):
        finder.match(row, passage)
    assert [finder.rows(question) for question in range(4)] == [[1], [0, 2], [], []]


def test_report_adds_up() -> None:
    outcomes = [
        choice(PAPER),
        choice(Rules(), ("number 12",)),
        choice(Rules(positive="gold", margin=0.9), gold=[25, 26]),
        mined(Rules(), ("nowhere",)),
    ]
    report = mining_report(outcomes, PAPER.wanted)
    assert (report.questions, report.triplets, report.dropped) == (4, 3, {"answer_not_retrieved": 1})
    assert (report.asked, report.short, report.without_negatives, report.several) == (10, 2, 1, 1)
    assert (report.checked, report.holding, report.share_holding) == (3, 1, pytest.approx(1 / 3))
    assert report.excluded == {"margin": 10, "same": 1}
    assert report.positive_scores[0] == pytest.approx(SCORES[12]) and report.positive_scores[-1] == 1.0
    assert report.negative_scores[0] == pytest.approx(SCORES[19])
    assert report.difference[-1] == pytest.approx(1 - SCORES[19])
    text = report.text()
    assert "3 triplets of 4 questions" in text and "33.3% of 3" in text and "margin 10, same 1" in text
    empty = mining_report([], 10)
    assert empty.share_holding is None and "unknown" in empty.text()
