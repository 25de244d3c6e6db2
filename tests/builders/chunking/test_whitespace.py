from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from nyxqa.builders.chunking.token_index import space_starts, word_bounds
from nyxqa.schemas.words import has_unspaced, sentence_ends

SPACES = [" ", "\n", "\t", "\u00a0", "\u3000", "\u2028", "\x1f"]
MARKS = [".", '."', "?!", "\u2026", "\u3002", "\uff01\uff1f\u300d"]
PIECES = [*SPACES, *MARKS, "a", "word", "x.y", "\u2020", "\u0120", "日本", "😀", "\ud800"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
# The whole rule as one pattern, against which the patterns by mark are held.
SENTENCE_END = re.compile(
    r"[.!?\u2026]+[\"'\u201d\u2019)\]]*(?=\s)"
    r"|[\u3002\uff01\uff1f][\u3002\uff01\uff1f.!?\u2026]*[\u300d\u201d)]*(?:[\"']+(?=\s|\Z))?|(?=\n)"
)


@given(TEXT)
def test_runs_begin_where_regular_expressions_find_them(text: str) -> None:
    assert space_starts(text).tolist() == [match.start() for match in re.finditer(r"\s+", text)]
    begins, ends = word_bounds(text)
    assert list(zip(begins.tolist(), ends.tolist(), strict=True)) == [m.span() for m in re.finditer(r"\S+", text)]
    assert len(begins) == len(text.split())


@given(TEXT)
def test_sentences_end_where_one_pattern_says(text: str) -> None:
    ends = {match.end() for match in SENTENCE_END.finditer(text)}
    ends |= {match.start() for match in re.finditer("\n", text)}
    assert sentence_ends(text) == sorted(end for end in ends if 0 < end < len(text))


def test_scripts_without_spaces_are_known() -> None:
    assert [has_unspaced(text) for text in ("plain", "naïve Ω", "日本", "ไทย", "한국어")] == [
        False,
        False,
        True,
        True,
        False,
    ]
