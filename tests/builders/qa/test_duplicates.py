"""Questions asked before: equal ones, and those nearly in the same words with the same answer and images."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.builders.qa import duplicates
from nyxqa.builders.qa.duplicates import similar_questions, write_duplicates
from nyxqa.builders.stages.refine import drop_repeated
from nyxqa.schemas.words import words
from tests.support.rows import QUESTIONS, locator, parts_of, question

LONG = "In which year did the council of the old harbour town of Brackwell open its first public library for all?"


def faults(tmp_path: Path, *shards: list[dict[str, Any]], threshold: float | None = 0.8) -> dict[str, tuple[str, str]]:
    questions = parts_of(tmp_path / "in", QUESTIONS, *shards)
    (tmp_path / "out").mkdir()
    write_duplicates(questions, threshold, tmp_path / "out")
    found: dict[str, tuple[str, str]] = {}
    for index, (file, rows) in enumerate(zip(questions.files(), shards, strict=True)):
        verdicts = tmp_path / "out" / f"part-{index:06d}.parquet"
        output = drop_repeated((file, verdicts))
        output.account.check("refine")
        drops = {drop.item_id: (drop.reason, drop.detail) for drop in output.account.dropped}
        assert output.rows["draft"].to_pylist() == [row["draft"] for row in rows if row["draft"] not in drops]
        found |= drops
    return found


def test_equal_questions_go_and_the_first_in_order_stays(tmp_path: Path) -> None:
    shards = [[question("b", key="x"), question("a", key="y")], [], [question("c", key="x"), question("d", key="x")]]
    said = ("repeated_question", "asked before by b:0")
    assert faults(tmp_path, *shards, threshold=None) == {"c:0": said, "d:0": said}


def test_nearly_the_same_question_with_the_same_answer_goes(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        [question("a", LONG, "In 1901."), question("b", "What is basalt?", "in 1901")],
        [question("c", LONG.replace("first", "very first"), "in 1901")],
    )
    assert found == {"c:0": ("similar_question", "like a:0, of the same answer and images: similarity 0.870")}


@pytest.mark.parametrize(
    "other",
    [
        question("b", LONG.replace("first", "very first"), "in 1902"),
        question("b", LONG.replace("first", "very first"), "in 1901", images=[locator("i" * 64)]),
        question(
            "b", "In which town did the council open the first library of the old harbour in that year?", "in 1901"
        ),
    ],
    ids=["another answer", "other images", "other words"],
)
def test_another_question_stays(other: dict[str, Any], tmp_path: Path) -> None:
    assert faults(tmp_path, [question("a", LONG, "in 1901"), other]) == {}


@pytest.mark.parametrize("place", range(10))
def test_one_changed_word_makes_another_short_question(place: int) -> None:
    first = ["which", "colour", "is", "the", "wide", "roof", "of", "the", "old", "library"]
    changed = [*first[:place], "changed", *first[place + 1 :]]
    assert list(similar_questions([" ".join(first), " ".join(changed)], 0.8)) == []


def test_without_a_threshold_only_equal_questions_go(tmp_path: Path) -> None:
    rows = [question("a", LONG, "in 1901"), question("b", LONG.replace("first", "very first"), "in 1901")]
    assert faults(tmp_path, rows, threshold=None) == {}


def test_a_question_like_one_that_went_stays(tmp_path: Path) -> None:
    """In a chain a - b - c question b goes for a, and c is not like a."""
    first = " ".join(f"w{number}" for number in range(24))
    second, third = first.replace("w2 ", "x2 "), first.replace("w2 ", "x2 ").replace("w12 ", "x12 ")
    third = third.replace("w18 ", "x18 ")
    rows = [question(name, text) for name, text in (("a", first), ("b", second), ("c", third))]
    assert list(faults(tmp_path, rows, threshold=0.75)) == ["b:0"]


def test_the_verdict_does_not_depend_on_shards(tmp_path: Path) -> None:
    texts = [LONG, LONG.replace("old", "very old"), LONG.replace("all", "all of us"), "What is it?", "What is it?"]
    rows = [question(f"q{number}", text, key=text) for number, text in enumerate(texts)]
    one = faults(tmp_path / "one", rows)
    assert [reason for reason, _ in one.values()] == ["similar_question", "similar_question", "repeated_question"]
    assert faults(tmp_path / "many", *[[row] for row in rows]) == one


def test_a_hot_answer_is_compared_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_MAX_COMPARED", 2)
    rows = [question("a", LONG), question("b", "What is it?"), question("c", LONG + " Say.")]
    assert faults(tmp_path, rows) == {}
    assert list(faults(tmp_path / "near", [rows[0], rows[2], rows[1]])) == ["c:0"]


def pairs_of_words(text: str) -> set[tuple[str, str]]:
    bounded = ["<", *words(text), ">"]
    return set(pairwise(bounded))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), min_size=1, max_size=12),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_the_search_finds_what_comparing_all_finds(texts: list[str], threshold: float) -> None:
    sets = [pairs_of_words(text) for text in texts]
    stays: list[int] = []
    expected = []
    for number, own in enumerate(sets):
        best = max(((len(own & sets[i]) / len(own | sets[i]), -i) for i in stays), default=(0.0, 0))
        if best[0] >= threshold:
            expected.append((number, -best[1], best[0]))
        else:
            stays.append(number)
    assert list(similar_questions(texts, threshold)) == expected
    kept = [number for number in range(len(texts)) if number not in {found[0] for found in expected}]
    assert all(len(sets[a] & sets[b]) / len(sets[a] | sets[b]) < threshold for a, b in combinations(kept, 2))


def test_a_shard_without_repeats_has_a_file_too(tmp_path: Path) -> None:
    assert faults(tmp_path, [question("a")], []) == {}
    files = sorted((tmp_path / "out").glob("*.parquet"))
    assert [pq.read_metadata(file).num_rows for file in files] == [0, 0]
