from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nyxqa.retriever.encoders.e5 import E5Encoder, E5Model
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.encoders.vision import vision_encoder
from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.hf import load_hf
from nyxqa.retriever.models.nyx import load_nyx
from nyxqa.retriever.protocols import ModelInput, SearchEntry
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.errors import UsageError
from tests.support.sides import picture, shown
from tests.support.tiny_bert import make_tiny_bert
from tests.support.torchvision_cpu import missing_torchvision

E5_TOML = """
pooling = "mean"
images = false
max_text_tokens = 508
query_prefix = "query: "
document_prefix = "passage: "
"""
SIDES = [
    shown("a boat * beside * the houses", "red", "blue"),
    shown("*", "green"),
    shown("what does * show", "orange", role="query"),
    shown("text alone, and rather more of it than elsewhere"),
]


@pytest.fixture
def torchvision() -> None:
    """What a processor that also takes videos needs."""
    if reason := missing_torchvision():
        pytest.skip(reason)


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return make_tiny_bert(tmp_path / "tiny-bert")


def vectors(model: Any, sides: list[ModelInput]) -> Any:
    import torch

    with torch.no_grad():
        return model.embed(model.prepare(sides)).numpy()


def test_e5_by_its_settings_is_e5(bert: Path) -> None:
    entries = [
        SearchEntry("a", f"harbour {PLACEHOLDER} at night", ("a boat",), (b"unread",)),
        SearchEntry("b", "two words"),
        SearchEntry("c", ""),
    ]
    e5 = E5Encoder(E5Model(str(bert)), ("cpu",))
    (bert / "embedder.toml").write_text(E5_TOML)
    hf = vision_encoder("hf", str(bert), load_hf, ("cpu",))
    assert not hf.needs_images
    assert hf.encode(entries, "query") == pytest.approx(e5.encode(entries, "query"), abs=1e-5)
    assert hf.encode(entries, "document") == pytest.approx(e5.encode(entries, "document"), abs=1e-5)


def test_index_finds_what_e5_finds(bert: Path, tmp_path: Path) -> None:
    (bert / "embedder.toml").write_text(E5_TOML)
    entries = [SearchEntry(f"{n:02}", f"{'abc'[n % 3]} {n}") for n in range(20)]
    hits = []
    for encoder in (vision_encoder("hf", str(bert), load_hf, ("cpu",)), E5Encoder(E5Model(str(bert)), ("cpu",))):
        folder = tmp_path / encoder.name.partition(":")[0]
        encoder.build(entries, folder)
        hits.append(encoder.open(folder).search(entries[:3], 4))
    assert (hits[0].rows == hits[1].rows).all()


@pytest.mark.parametrize("pooling", ["cls", "last"])
def test_pooling_and_template_are_settings(bert: Path, pooling: str) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    (bert / "embedder.toml").write_text(
        f'pooling = "{pooling}"\nimages = false\nnormalise = false\ntemplate = "say {{text}} now"\n'
    )
    found = vision_encoder("hf", str(bert), load_hf, ("cpu",)).encode(
        [SearchEntry("a", "two words"), SearchEntry("b", "three more words")], "query"
    )
    tokenizer, network = AutoTokenizer.from_pretrained(bert), AutoModel.from_pretrained(bert).eval()
    with torch.no_grad():
        states = network(**tokenizer("say two words now", return_tensors="pt")).last_hidden_state[0]
    assert found[0] == pytest.approx(states[0 if pooling == "cls" else -1].numpy(), abs=1e-5)
    assert abs(np.linalg.norm(found[0]) - 1) > 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pooling = 'middle'", r"pooling = 'middle': Input should be 'last', 'mean' or 'cls'"),
        ("imges = true", "unknown key 'imges'; did you mean 'images'"),
        ("template = 'none'", r"template must hold \{text\} once"),
        ("pooling = ", "not valid TOML"),
    ],
)
def test_wrong_settings_are_refused_by_name(bert: Path, text: str, message: str) -> None:
    (bert / "embedder.toml").write_text(text)
    with pytest.raises(UsageError, match=f"embedder.toml of tiny-bert: {message}"):
        make_encoder(f"hf:{bert}")


@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.usefixtures("torchvision")
def test_with_eyes_rows_are_the_same_together_and_alone(tiny_qwen: Path, padding: str) -> None:
    model = load_hf(ModelName(str(tiny_qwen)), overrides={"padding": padding, "max_pixels": 16 * 28 * 28})
    together = vectors(model, SIDES)
    for side, vector in zip(SIDES, together, strict=True):
        assert vectors(model, [side])[0] == pytest.approx(vector, abs=1e-5)
    swapped = ModelInput(SIDES[0].text, SIDES[0].images[::-1])
    assert abs(vectors(model, [swapped])[0] - together[0]).max() > 0.05


@pytest.mark.usefixtures("torchvision")
def test_nyx_makes_what_the_checkpoints_own_processor_makes(tiny_qwen: Path) -> None:
    pixels = {"max_pixels": 16 * 28 * 28, "min_pixels": 4 * 28 * 28}
    name = ModelName(str(tiny_qwen))
    nyx, hf = load_nyx(name, overrides=pixels), load_hf(name, overrides=pixels)
    ours, theirs = nyx.prepare(SIDES), hf.prepare(SIDES)
    assert sorted(ours) == sorted(theirs)
    for key in ("input_ids", "attention_mask", "mm_token_type_ids", "image_grid_thw"):
        assert (ours[key] == theirs[key]).all()
    # The processor resizes by torchvision, whose bicubic filter gives other values at a few edges than pillow's.
    apart = (ours["pixel_values"] - theirs["pixel_values"]).abs()
    assert apart.mean() < 0.002
    assert (apart > 0.05).float().mean() < 0.001
    assert vectors(nyx, SIDES) == pytest.approx(vectors(hf, SIDES), abs=0.05)


@pytest.mark.usefixtures("torchvision")
def test_searches_with_images(tiny_qwen: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny-qwen"
    shutil.copytree(tiny_qwen, copy)
    (copy / "embedder.toml").write_text('template = "<|im_start|>{text}<|im_end|>"\nmax_pixels = 12544\n')
    entries = [
        SearchEntry(colour, f"page {PLACEHOLDER}", (), (picture(colour),)) for colour in ("red", "blue", "green")
    ]
    encoder = vision_encoder("hf", str(copy), load_hf, ("cpu",))
    assert encoder.needs_images
    encoder.build(entries, tmp_path / "index")
    hits = encoder.open(tmp_path / "index").search(entries, 1)
    assert hits.rows.ravel().tolist() == [0, 1, 2]


@pytest.mark.usefixtures("torchvision")
def test_saves_and_loads(tiny_qwen: Path, tmp_path: Path) -> None:
    model = load_hf(ModelName(str(tiny_qwen)), overrides={"max_text_tokens": 5, "pooling": "mean"})
    model.save(tmp_path / "saved")
    again = load_hf(ModelName(str(tmp_path / "saved")))
    assert again.settings == model.settings
    assert vectors(again, SIDES) == pytest.approx(vectors(model, SIDES), abs=1e-6)
    assert again.prepare(SIDES)["cut_tokens"].tolist()[3] > 0
