"""Texts against a benchmark: what counts as an overlap, and that words decide, not hashes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.builders.filters import benchmark_overlap
from nyxqa.builders.filters.benchmark_texts import RUN, SHORTEST
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.files import read_json
from nyxqa.schemas.words import words
from tests.support.benchmark import indexed, json_lines, overlaps
from tests.support.pages import picture

PASSAGE = (
    "The old lighthouse of Brackwell was built in 1843 by two brothers who had never seen the sea, and it burned down "
    "on the night before its lamp was to be lit for the first time."
)
PARAPHRASE = (
    "In 1843 two brothers, neither of whom had seen the sea, raised the first lighthouse of Brackwell; a fire took it "
    "the night before anyone could light its lamp."
)


def test_a_run_of_thirteen_words_is_an_overlap_and_twelve_are_none(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", [{"id": "p7", "text": PASSAGE}]))
    thirteen = " ".join(PASSAGE.split()[5:18])
    assert overlaps(index, [f"It is told: {thirteen}!", f"So {thirteen.rpartition(' ')[0]} end", PARAPHRASE]) == [
        "13 words in a row of b.jsonl p7: was built in 1843 by two ...", None, None
    ]  # fmt: skip


def test_case_punctuation_and_placeholders_do_not_count(tmp_path: Path) -> None:
    item = PASSAGE.replace("two", "<|image_1|> two")
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", [item]))
    text = PASSAGE.upper().replace(" ", ",  ").replace("BROTHERS", "BROTHERS <|image|> ")
    assert overlaps(index, [text]) == ["13 words in a row of b.jsonl line 1: the old lighthouse of brackwell was ..."]


def test_a_short_item_must_be_contained_as_a_whole(tmp_path: Path) -> None:
    short = "Who built the Brackwell lighthouse?"
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", [{"qid": "q1", "question": short}]))
    said = "all 5 words of b.jsonl q1: who built the brackwell lighthouse"
    texts = [
        short,
        f"In 1843, {short} Say.",
        "Who built the old Brackwell lighthouse?",
        "built the Brackwell lighthouse",
    ]
    assert overlaps(index, texts) == overlaps(index, texts, whole=True) == [said, said, None, None]


def test_a_few_words_match_only_an_equal_question(tmp_path: Path) -> None:
    rows = [{"question": "Who was Ada?"}, {"question": "What is this?", "image": "gone.png"}]
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", rows))
    texts = ["who was ada", "And who was Ada?", "What is this?"]
    assert overlaps(index, texts, whole=True) == ["all 3 words of b.jsonl line 1: who was ada", None, None]
    assert overlaps(index, texts, whole=False) == [None, None, None]


def test_the_first_run_of_a_text_and_the_first_item_of_a_run_are_named(tmp_path: Path) -> None:
    one = json_lines(tmp_path / "one.jsonl", ["alpha beta gamma delta epsilon", "one two three four five six"])
    two = json_lines(tmp_path / "two.jsonl", ["one two three four five", "alpha beta gamma delta epsilon"])
    index = indexed(tmp_path / "index", one, two)
    texts = ["x one two three four five six y alpha beta gamma delta epsilon", "alpha beta gamma delta epsilon"]
    assert overlaps(index, texts) == [
        "all 6 words of one.jsonl line 2: one two three four five six",
        "all 5 words of one.jsonl line 1: alpha beta gamma delta epsilon",
    ]  # fmt: skip


def test_equal_hashes_of_other_words_are_no_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", ["alpha beta gamma delta epsilon"]))
    hashes = np.fromfile(index / "hashes.bin", np.uint64)
    monkeypatch.setattr(
        benchmark_overlap, "run_hashes", lambda _, positions, length: np.full(len(positions), hashes[0])
    )
    texts = ["one two three four five six", "beta gamma delta epsilon alpha", "alpha beta gamma delta epsilon"]
    assert [found is not None for found in overlaps(index, texts)] == [False, False, True]
    assert overlaps(index, ["alpha beta gamma delta eps", "xalpha beta gamma delta epsilon"]) == [None, None]


def test_texts_in_many_batches_keep_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", ["alpha beta gamma delta epsilon"]))
    texts = [
        "",
        "alpha beta gamma delta epsilon",
        "...",
        "no overlap at all in here",
        "so alpha beta gamma delta epsilon",
    ]
    together = overlaps(index, texts)
    assert [found is not None for found in together] == [False, True, False, False, True]
    monkeypatch.setattr(benchmark_overlap, "_BATCH_CHARACTERS", 1)
    assert overlaps(index, texts) == together


def test_a_benchmark_of_images_alone_has_no_texts(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture("a"))
    index = indexed(tmp_path / "index", tmp_path / "a.png")
    assert overlaps(index, ["Who built it?", ""], whole=True) == [None, None]
    counts = read_json(index / "benchmark.json")
    assert (counts["items"], counts["texts"], counts["images"], counts["lengths"]) == (1, 0, 1, [])


def test_a_benchmark_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"^filters\.decontaminate: no text and no image in b\.jsonl$"):
        indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", [{"question": "..."}, {"image": "gone.png"}]))


def test_images_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(picture("a")[:99])
    rows = [{"question": "Who built the old lighthouse?", "image": name} for name in ("broken.png", "gone.png")]
    counts = read_json(indexed(tmp_path / "index", json_lines(tmp_path / "b.jsonl", rows)) / "benchmark.json")
    assert (counts["images"], counts["unusable_images"]) == (0, 2)
    assert counts["first_unusable"].startswith("an image of b.jsonl line 1 is truncated")


def contains(text: list[str], run: list[str]) -> bool:
    return any(text[start : start + len(run)] == run for start in range(len(text) - len(run) + 1))


TEXTS = st.lists(st.sampled_from(["a", "b", "\u4e2d"]), max_size=20).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
def test_the_index_finds_what_comparing_all_finds(
    tmp_path_factory: pytest.TempPathFactory, bench: list[str], texts: list[str], whole: bool
) -> None:
    folder = tmp_path_factory.mktemp("bench")
    index = indexed(folder / "index", json_lines(folder / "b.jsonl", [*bench, "never there at all in texts"]))
    for text, found in zip(texts, overlaps(index, texts, whole), strict=True):
        cut = words(text)
        expected = False
        for item in map(words, bench):
            runs = [item[i : i + RUN] for i in range(len(item) - RUN + 1)] or [item]
            long = len(item) >= SHORTEST and any(contains(cut, run) for run in runs)
            expected |= long or (whole and 0 < len(item) < SHORTEST and cut == item)
        assert (found is not None) == expected
