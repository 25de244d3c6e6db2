"""Labels out of answers."""

from __future__ import annotations

from typing import Any

import pytest

from nyxqa.builders.feedback.labels import Labelling, feedback_row
from nyxqa.schemas.recipe import Feedback

ALL = ("page", "cluster", "equal")


def labelling(**settings: Any) -> Labelling:
    return Labelling(Feedback(**settings), ALL)


def candidates(*f1: float | None, **further: dict[int, str]) -> list[dict[str, Any]]:
    """Candidates from rank 1 on; ``further`` gives a column's value at some ranks."""
    return [
        {
            **{"doc_id": f"d{rank}", "page_id": f"p{rank}", "cluster": f"c{rank}", "key": f"k{rank}", "rank": rank},
            **{"score": 1 / rank, "f1": one, "prediction": None if one is None else "said"},
            **{"reason": "refused" if one is None else "", "detail": "why" if one is None else ""},
            **{column: values[rank] for column, values in further.items() if rank in values},
        }
        for rank, one in enumerate(f1, 1)
    ]


def row(listed: list[dict[str, Any]], closed: float = 0.0, known: tuple[str, ...] = ()) -> dict[str, Any]:
    positives = [{"doc_id": one, "page_id": "", "cluster": "", "key": ""} for one in known]
    closed_book = {"prediction": "said", "f1": closed, "reason": "", "detail": ""}
    own = {"query_id": "q", "dataset": "d", "unasked": "", "found": len(listed)}
    return {**own, "candidates": listed, "closed_book": closed_book, "known": positives}


def labels(made: Labelling, listed: list[dict[str, Any]], *known: str) -> tuple[list[str], list[str]]:
    found = feedback_row(row(listed, known=known), made, "g")
    return found["positive_ids"], found["negative_ids"]


def test_all_right_candidates_are_positives_and_only_wrong_ones_negatives() -> None:
    assert labels(labelling(), candidates(0.0, 1.0, 0.4, 0.5, None)) == (["d2", "d4"], ["d1", "d3"])


def test_the_paper_takes_the_first_right_window_and_passes_over_the_others() -> None:
    """A candidate that answers as well is neither positive nor negative."""
    listed = candidates(0.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    assert labels(labelling(positives="first"), listed) == (["d2"], ["d1", "d4", "d5", "d6"])
    assert labels(labelling(positives="first", enough_negatives=3), listed) == (["d2"], ["d1", "d4", "d5"])


def test_a_window_is_right_as_a_whole() -> None:
    listed = candidates(0.0, 0.0, 1.0, 1.0, 1.0, 1.0)
    assert labels(labelling(positives="first", window=2, stride=2), listed) == (["d3", "d4"], ["d1", "d2"])
    assert labels(labelling(window=2, stride=2), listed)[0] == ["d3", "d4", "d5", "d6"]


@pytest.mark.parametrize("column", ["page_id", "cluster", "key"])
def test_what_is_near_a_right_document_is_no_negative(column: str) -> None:
    listed = candidates(0.0, 1.0, 0.0, **{column: {2: "same", 3: "same"}})
    assert labels(labelling(), listed) == (["d2"], ["d1"])


def test_two_documents_without_words_are_not_alike() -> None:
    listed = candidates(0.0, 1.0, key={1: "", 2: ""})
    assert labels(labelling(), listed) == (["d2"], ["d1"])


def test_a_known_positive_is_never_a_negative() -> None:
    """The document a question was asked on may make the model wrong; it answers it all the same."""
    assert labels(labelling(), candidates(0.0, 1.0, 0.0), "d1") == (["d2"], ["d3"])


def test_the_threshold_decides() -> None:
    listed = candidates(0.3, 0.6, 0.9)
    assert labels(labelling(threshold=0.7), listed) == (["d3"], ["d1", "d2"])
    assert labels(labelling(threshold=0.2, positives="first"), listed) == (["d1"], [])


@pytest.mark.parametrize(
    ("listed", "closed", "reason"),
    [
        (candidates(0.0, 1.0), 1.0, "right_closed_book"),
        (candidates(1.0, 1.0, None), 0.0, "right_with_all"),
        (candidates(0.0, 0.4, None), 0.0, "wrong_with_all"),
    ],
)
def test_questions_that_teach_nothing_are_dropped_unless_told_otherwise(
    listed: list[dict[str, Any]], closed: float, reason: str
) -> None:
    others = [name for name in ("right_closed_book", "right_with_all", "wrong_with_all") if name != reason]
    assert labelling().reason(row(listed, closed)) == (reason, "")
    assert labelling(drop=[reason]).reason(row(listed, closed)) == (reason, "")
    assert labelling(drop=others).reason(row(listed, closed)) is None


def test_without_any_usable_answer_the_failure_is_the_reason() -> None:
    assert labelling().reason(row(candidates(None, None))) == ("refused", "why")
    assert labelling().reason({**row([]), "unasked": "no_answers"}) == ("no_answers", "")


@pytest.mark.parametrize(
    ("settings", "f1", "asked"),
    [
        ({"enough_negatives": 2}, [1, 0, 0, 0], 3),
        ({"enough_negatives": 2}, [0, 0, 0, 1], 4),
        ({"enough_positives": 2, "enough_negatives": 1}, [1, 0, 0, 1, 0], 4),
        ({"positives": "first", "enough_positives": 2, "enough_negatives": 1}, [1, 0, 0, 1, 0], 2),
    ],
)
def test_asking_ends_as_soon_as_there_is_enough(settings: dict[str, Any], f1: list[float], asked: int) -> None:
    made, listed = labelling(**settings), candidates(*f1)
    stops = [made.enough(listed[:count], []) for count in range(1, len(listed) + 1)]
    assert stops.index(True) + 1 == asked


def test_what_is_no_negative_is_not_enough() -> None:
    listed = candidates(1.0, 0.0, 0.0, cluster={1: "c", 2: "c"})
    made = labelling(enough_negatives=1)
    assert [made.enough(listed[:count], []) for count in (1, 2, 3)] == [False, False, True]
