"""The law of content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.schemas.content import PLACEHOLDER, Content, check_content, kind_of, plain_text
from nyxqa.schemas.errors import ContentError


def test_as_many_placeholders_as_images() -> None:
    assert Content("a <|image|> b <|image|>", ("x", "y")).images == ("x", "y")
    for text, images in (("a", ("x",)), ("<|image|>", ()), ("<|image|><|image|>", ("x",))):
        with pytest.raises(ContentError, match=f"{text.count(PLACEHOLDER)} placeholders but {len(images)} images in"):
            Content(text, images)
    with pytest.raises(ValueError):
        check_content("<|image|>", 2)


def test_parts_alternate_as_they_stand() -> None:
    content = Content("<|image|>a<|image|><|image|> b", (1, 2, 3))
    assert list(content.parts()) == [1, "a", 2, 3, " b"]
    assert list(Content("").parts()) == []


def test_kinds_go_by_the_number_of_images() -> None:
    assert [kind_of(n) for n in range(4)] == ["text", "single", "multi", "multi"]
    assert Content("<|image|>", ("x",)).kind == "single"


def test_plain_text_has_no_placeholder() -> None:
    assert plain_text("<|image|> a <|image|>\n b<|image|>") == "a b"


_PIECES = st.text(alphabet="ab <|", max_size=4)


@given(st.lists(st.tuples(_PIECES, st.booleans()), max_size=6), _PIECES)
def test_parts_put_together_are_the_content(items: list[tuple[str, bool]], tail: str) -> None:
    text = PLACEHOLDER.join([piece for piece, _ in items] + [tail])
    images = tuple(range(text.count(PLACEHOLDER)))
    content = Content(text, images)
    parts = list(content.parts())
    assert "".join(part if isinstance(part, str) else PLACEHOLDER for part in parts) == text
    assert [part for part in parts if not isinstance(part, str)] == list(images)
