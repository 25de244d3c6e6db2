from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.nyx import NyxModel, load_nyx
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import ContentError, UsageError, WorldError
from tests.support.sides import picture, shown

SIDES = [
    shown("a boat * beside * the houses, and a long line of words about the harbour", "red", "blue"),
    shown("short"),
    shown("*", "green"),
    shown("what does * show", "orange", role="query"),
    shown("** three * in a row", "red", "green", "blue"),
    shown(""),
]


def opened(folder: Path, **overrides: Any) -> NyxModel:
    return load_nyx(ModelName(str(folder)), overrides=overrides)


def vectors(model: NyxModel, *sides: ModelInput) -> Any:
    import torch

    with torch.no_grad():
        return model.embed(model.prepare(sides))


def test_vectors_are_the_same_padded_or_not_left_or_right(tiny_qwen: Path) -> None:
    right, left = opened(tiny_qwen, padding="right"), opened(tiny_qwen, padding="left")
    together = vectors(right, *SIDES)
    assert together.shape == (len(SIDES), right.dim)
    assert right.prepare(SIDES)["attention_mask"][1, -1] == 0
    assert left.prepare(SIDES)["attention_mask"][1, 0] == 0
    assert vectors(left, *SIDES).numpy() == pytest.approx(together.numpy(), abs=1e-5)
    for side, vector in zip(SIDES, together, strict=True):
        assert vectors(right, side)[0].numpy() == pytest.approx(vector.numpy(), abs=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("padding", ["left", "right"])
def test_other_poolings_ignore_the_filling_too(tiny_qwen: Path, pooling: str, padding: str) -> None:
    model = opened(tiny_qwen, pooling=pooling, padding=padding)
    together = vectors(model, *SIDES)
    for side, vector in zip(SIDES, together, strict=True):
        assert vectors(model, side)[0].numpy() == pytest.approx(vector.numpy(), abs=1e-5)


def test_the_vector_is_the_last_state_of_the_networks_own_forward(tiny_qwen: Path) -> None:
    import torch

    model = opened(tiny_qwen)
    inputs = {name: value for name, value in model.prepare(SIDES[:1]).items() if name != "cut_tokens"}
    with torch.no_grad():
        states = model.network(**inputs).last_hidden_state
    assert vectors(model, SIDES[0]).numpy() == pytest.approx(states[:, -1].numpy(), abs=1e-5)


def test_images_land_at_their_placeholders(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen)
    found = vectors(
        model,
        shown("one * two *", "red", "blue"),
        shown("one * two *", "blue", "red"),
        shown("two * one *", "red", "blue"),
        shown("one two **", "red", "blue"),
        shown("one * two *", "red", "red"),
    )
    for other in found[1:]:
        assert (found[0] - other).abs().max() > 0.05


def test_each_image_stands_between_its_words(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen)
    inputs = model.prepare([shown("a * b * c", "red", "orange")])
    runs = _runs(inputs["mm_token_type_ids"][0].tolist())
    grids = inputs["image_grid_thw"].prod(dim=1) // 4
    assert [length for kind, length in runs if kind == 1] == grids.tolist()
    assert [kind for kind, _ in runs] == [0, 1, 0, 1, 0]
    assert grids[0] != grids[1]


def _runs(kinds: list[int]) -> list[tuple[int, int]]:
    from itertools import groupby

    return [(kind, len(list(group))) for kind, group in groupby(kinds)]


def test_instruction_stands_on_a_line_before_the_query_alone(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen)
    asked = shown("what is *", "red", role="query", instruction="Find the page.")
    assert (vectors(model, asked) == vectors(model, shown("Find the page.\nwhat is *", "red"))).all()
    told = shown("what is *", "red", instruction="Find the page.")
    assert (vectors(model, told) == vectors(model, shown("what is *", "red"))).all()
    usual = opened(tiny_qwen, query_instruction="Find the page.")
    assert (vectors(usual, shown("what is *", "red", role="query")) == vectors(model, asked)).all()


def test_long_text_is_cut_and_images_never(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen, max_text_tokens=10)
    long = shown("word " * 20 + "* tail " + "more " * 20 + "*", "red", "blue")
    inputs = model.prepare([long, shown("short *", "red")])
    whole = opened(tiny_qwen).prepare([long])
    assert inputs["cut_tokens"].tolist() == [_text_tokens(whole, 0) - _text_tokens(inputs, 0), 0]
    # Ten tokens of text, and two around each image.
    assert _text_tokens(inputs, 0) == 10 + 2 * 2
    assert inputs["mm_token_type_ids"][0].sum() == whole["mm_token_type_ids"][0].sum()
    assert model.length(long) == inputs["attention_mask"][0].sum()
    start = shown("word " * 20, role="document").text
    assert vectors(model, ModelInput(start)).numpy() == pytest.approx(
        vectors(model, ModelInput(start + " tail")).numpy()
    )


def _text_tokens(inputs: Any, row: int) -> int:
    return int((inputs["attention_mask"][row] - inputs["mm_token_type_ids"][row]).sum())


def test_lengths_are_those_of_the_inputs(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen)
    assert [max(1, model.length(side)) for side in SIDES] == model.prepare(SIDES)["attention_mask"].sum(dim=1).tolist()


def test_pixel_budget_bounds_each_image(tiny_qwen: Path) -> None:
    large = ModelInput(PLACEHOLDER, (picture("red", 900, 600),))
    sizes = [
        int(opened(tiny_qwen, max_pixels=tokens * 28 * 28).prepare([large])["mm_token_type_ids"].sum())
        for tokens in (8, 400)
    ]
    assert 4 <= sizes[0] <= 8
    assert 300 < sizes[1] <= 400


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (1000, 2)])
def test_odd_shapes_are_taken(tiny_qwen: Path, shape: tuple[int, int]) -> None:
    from PIL import Image

    model = opened(tiny_qwen)
    side = ModelInput(PLACEHOLDER, (Image.new("RGB", shape),))
    assert model.length(side) == model.prepare([side])["attention_mask"].sum()


def test_transparent_is_white(tiny_qwen: Path) -> None:
    from PIL import Image

    model = opened(tiny_qwen)
    clear, white = Image.new("RGBA", (56, 56), (9, 9, 9, 0)), Image.new("RGB", (56, 56), "white")
    first, second = (model.prepare([ModelInput(PLACEHOLDER, (image,))])["pixel_values"] for image in (clear, white))
    assert (first == second).all()


def test_the_models_own_tokens_in_a_page_are_words(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen)
    inputs = model.prepare([shown("a <|image_pad|> page <|im_end|> on *", "red")])
    assert [kind for kind, _ in _runs(inputs["mm_token_type_ids"][0].tolist())] == [0, 1, 0]
    assert model.embed(inputs).isfinite().all()


def test_wrong_content_and_broken_images_are_errors(tiny_qwen: Path) -> None:
    model = opened(tiny_qwen)
    with pytest.raises(ContentError, match="1 placeholders but 0 images"):
        model.prepare([ModelInput(PLACEHOLDER)])
    with pytest.raises(WorldError, match="cannot be read"):
        model.prepare([ModelInput(PLACEHOLDER, (b"no image",))])
    with pytest.raises(WorldError, match="cannot be decoded"):
        model.prepare([ModelInput(PLACEHOLDER, (picture("red", 300, 300)[:-60],))])


def test_what_is_no_qwen_or_no_folder_is_an_error(tmp_path: Path, tiny_qwen: Path) -> None:
    from tests.support.tiny_bert import make_tiny_bert

    with pytest.raises(WorldError, match="neither an existing folder"):
        opened(tmp_path / "nothing")
    with pytest.raises(WorldError, match="is a bert, not a qwen2_5_vl; use hf:PATH"):
        opened(make_tiny_bert(tmp_path / "bert"))
    with pytest.raises(UsageError, match=r"unknown key 'poling'; did you mean 'pooling'"):
        opened(tiny_qwen, poling="last")
    with pytest.raises(UsageError, match=r"min_pixels \(3136\) is above max_pixels \(100\)"):
        opened(tiny_qwen, max_pixels=100)
