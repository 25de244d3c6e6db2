from __future__ import annotations

import pytest

from nyxqa.schemas.answers import exact_match, token_f1


@pytest.mark.parametrize(
    ("prediction", "exact", "f1"),
    [
        ("Aarau; Zurich", True, 1.0),
        ("Zurich, Aarau", True, 1.0),
        ("The Zurich and Aarau.", True, 1.0),
        ("- Zurich\n- Aarau", True, 1.0),
        ("Aarau", False, 2 / 3),
        ("Aarau, Bern, Zurich", False, 0.8),
        ("Bern", False, 0.0),
        ("Aar", False, 0.0),
        ("", False, 0.0),
    ],
)
def test_a_list_answer_is_scored_as_a_set(prediction: str, exact: bool, f1: float) -> None:
    assert exact_match(prediction, ["Aarau; Zurich"]) is exact
    assert token_f1(prediction, ["Aarau; Zurich"]) == pytest.approx(f1)


def test_items_with_a_comma_stay_whole() -> None:
    assert exact_match("Sand and Sea, Paris, Texas", ["Paris, Texas; Sand and Sea"])
    assert not exact_match("Sand, Sea, Paris, Texas", ["Paris, Texas; Sand and Sea"])


def test_an_answer_that_is_no_list_is_scored_by_its_words() -> None:
    assert token_f1("a red boat", ["red boat"]) == 1.0
    assert token_f1("blue boat, red sail", ["boat"]) == pytest.approx(0.4)
    assert exact_match("Bern", ["Aarau; Zurich", "bern"])
