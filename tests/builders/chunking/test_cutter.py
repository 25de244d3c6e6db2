from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.builders.chunking.cutter import LONGEST_WORD, Cut, Layout, cut, lay_out
from nyxqa.builders.chunking.token_index import TokenStarts
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.words import word_spans

WORDS = ["a", "Ada", "it's", "co-op", "3.14", "naïve", "日本語", "ไทย", "Ω", "...", "x/y", "😀", "e\u0301t"]
TEXT = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "  ", ". ", "! ", "\n", ", ", ""])), min_size=1, max_size=40
).map(lambda pairs: "".join(word + space for word, space in pairs))
PARTS = st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=12)


def laid_out(parts: list[str | None]) -> Layout:
    starts = [None if part is None else TokenStarts.of([start for start, _ in word_spans(part)]) for part in parts]
    return lay_out(parts, starts, PLACEHOLDER)


def texts(layout: Layout, cuts: list[Cut]) -> list[str]:
    return [layout.text[piece.start : piece.end] for piece in cuts]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@settings(max_examples=400, deadline=None)
@given(PARTS, st.integers(1, 12), st.integers(1, 3))
def test_chunks_in_order_give_back_the_page(parts: list[str | None], max_tokens: int, max_images: int) -> None:
    layout = laid_out(parts)
    cuts = cut(layout, max_tokens, max_images)
    assert squeezed("".join(texts(layout, cuts))) == squeezed(layout.text)
    first_image = 0
    for piece, text in zip(cuts, texts(layout, cuts), strict=True):
        assert text.strip()
        bare = text.replace(PLACEHOLDER, " ")
        assert piece.tokens == len(word_spans(bare)) <= max_tokens
        assert piece.images == text.count(PLACEHOLDER) <= max_images
        assert piece.first_image == first_image
        first_image += piece.images
    assert first_image == parts.count(None)


@settings(max_examples=200, deadline=None)
@given(PARTS, st.integers(3, 12))
def test_no_cut_falls_inside_a_word(parts: list[str | None], max_tokens: int) -> None:
    layout = laid_out(parts)
    inside = {i for start, end in word_spans(layout.text) for i in range(start + 1, end)}
    assert not inside & {piece.start for piece in cut(layout, max_tokens, 5)}


def numbered(count: int) -> str:
    return " ".join(f"w{index}" for index in range(count))


def test_the_tail_is_kept_and_a_short_page_is_one_chunk() -> None:
    layout = laid_out([numbered(450)])
    assert [piece.tokens for piece in cut(layout, 200, 5)] == [200, 200, 50]
    assert [piece.tokens for piece in cut(laid_out(["Just a few words."]), 200, 5)] == [4]


def test_a_cut_falls_behind_a_sentence_of_the_second_half() -> None:
    text = f"{numbered(60)}. {numbered(30)}. {numbered(80)}."
    layout = laid_out([text])
    first, second = texts(layout, cut(layout, 100, 5))
    assert first == f"{numbered(60)}. {numbered(30)}."
    assert second.strip() == f"{numbered(80)}."


def test_a_sentence_that_ends_in_the_first_half_gives_way_to_a_full_chunk() -> None:
    layout = laid_out([f"{numbered(20)}. {numbered(200)}."])
    assert cut(layout, 100, 5)[0].tokens == 100


def test_a_sixth_image_starts_a_new_chunk_where_it_stands() -> None:
    parts: list[str | None] = ["one", None, None, "two", None, None, None, "three", None, "four"]
    layout = laid_out(parts)
    first, second = cut(layout, 200, 5)
    assert (first.images, second.images, second.first_image) == (5, 1, 5)
    assert layout.text[first.start : first.end].split() == [
        "one", PLACEHOLDER, PLACEHOLDER, "two", PLACEHOLDER, PLACEHOLDER, PLACEHOLDER, "three",
    ]  # fmt: skip
    assert layout.text[second.start : second.end].split() == [PLACEHOLDER, "four"]


def test_a_page_of_500_images_is_100_chunks() -> None:
    cuts = cut(laid_out([None] * 500), 200, 5)
    assert [piece.images for piece in cuts] == [5] * 100
    assert [piece.tokens for piece in cuts] == [0] * 100


def test_languages_without_spaces_are_cut_between_letters() -> None:
    layout = laid_out(["日本語の文章" * 50])
    cuts = cut(layout, 40, 5)
    assert all(piece.tokens == 40 for piece in cuts[:-1])
    assert "".join(texts(layout, cuts)) == layout.text


def test_a_run_without_spaces_is_cut_so_that_no_chunk_grows_without_bound() -> None:
    layout = laid_out(["x" * 5 * LONGEST_WORD])
    layout.tokens = TokenStarts.of(range(0, 5 * LONGEST_WORD, 4))  # as a model's tokenizer has it
    cuts = cut(layout, 200, 5)
    assert all(piece.tokens <= 200 for piece in cuts)
    assert "".join(texts(layout, cuts)) == layout.text


@pytest.mark.timeout(10)
def test_a_character_of_more_tokens_than_a_chunk_may_have_is_a_chunk() -> None:
    layout = Layout("😀😀 a", tokens=TokenStarts.of([0, 0, 0, 0, 1, 1, 1, 3]), words=[2], sentences=[4])
    assert texts(layout, cut(layout, 2, 5)) == ["😀", "😀", " a"]


def test_white_space_alone_is_no_chunk() -> None:
    assert cut(laid_out(["", " \n "]), 200, 5) == []


def test_layout_positions_are_those_of_the_joined_text() -> None:
    layout = laid_out(["One two. Three", None, "four"])
    assert layout.text == f"One two. Three\n{PLACEHOLDER}\nfour"
    assert [layout.text[start:].split()[0] for start in layout.tokens] == ["One", "two.", "Three", "four"]
    assert [layout.text[start : start + len(PLACEHOLDER)] for start in layout.images] == [PLACEHOLDER]
    for positions in (layout.tokens, layout.words, layout.sentences):
        assert all(a <= b for a, b in pairwise(positions))
