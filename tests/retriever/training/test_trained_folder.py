"""A trained folder gives the same vectors in nyxqa, sentence-transformers and transformers, and its card says how."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import nyxqa
from nyxqa.retriever.models.factory import ModelOptions, load_model
from nyxqa.retriever.training.model_card import card_text
from nyxqa.retriever.training.output import model_card, save_model
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.trainer import train
from nyxqa.schemas.content import PLACEHOLDER, Content
from tests.support.running import leave
from tests.support.snippets import fenced, run_snippet
from tests.support.tiny_bert import make_tiny_bert
from tests.support.tiny_dataset import png
from tests.support.triplet_rows import triplets

SETTINGS = TrainSettings(batch_size=4, learning_rate=1e-2, temperature=0.05, epochs=5, max_steps=20)
WORDS = ("what", "does", "the", "picture", "show", "and", "where", "was", "it", "taken", "boat", "harbour", "red")


@pytest.fixture(scope="module")
def trained(tiny_qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model after twenty steps with dropout, as adapters and merged."""
    folder = tmp_path_factory.mktemp("trained")
    model = load_model(f"nyx:{tiny_qwen}", 1)
    losses = train(model, triplets(16), SETTINGS).losses
    assert len(losses) == 20
    assert sum(losses[-4:]) < sum(losses[:4])
    folders = {"adapters": folder / "adapters", "merged": folder / "merged"}
    for name, place in folders.items():
        save_model(model, place, merge=name == "merged")
    return folders


def mixed(number: int) -> dict[str, Any]:
    """Texts of any length, with none, one or two images at any place."""
    words = [WORDS[(number * 7 + place) % len(WORDS)] for place in range(1 + number % 13)]
    for image in range(number % 3):
        words.insert((number * 5 + image) % (len(words) + 1), PLACEHOLDER)
    return {"text": " ".join(words), "images": [png(number * 3 + image) for image in range(number % 3)]}


def picture(data: bytes) -> Image.Image:
    import io

    return Image.open(io.BytesIO(data)).convert("RGB")


def messages(one: dict[str, Any]) -> list[dict[str, Any]]:
    parts = Content(one["text"], tuple(one["images"])).parts()
    shown = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": picture(part)}
        for part in parts
    ]
    return [{"role": "user", "content": shown}]


@pytest.mark.parametrize("saved", ["adapters", "merged"])
def test_three_libraries_give_the_same_vectors(saved: str, trained: dict[str, Path], tiny_qwen: Path) -> None:
    library = pytest.importorskip("sentence_transformers", minversion="6.2")
    import transformers
    from peft import PeftModel

    folder = trained[saved]
    inputs = [mixed(number) for number in range(50)]
    ours = nyxqa.encoder(f"nyx:{folder}").encode(inputs)
    untrained = nyxqa.encoder(f"nyx:{tiny_qwen}").encode(inputs)
    assert (ours * untrained).sum(axis=1).min() < 0.99  # training moved them
    theirs = library.SentenceTransformer(str(folder), device="cpu").encode([messages(one) for one in inputs])
    np.testing.assert_allclose((ours * theirs).sum(axis=1), 1.0, atol=2e-4)
    automatic: Any = transformers.AutoModel
    if saved == "adapters":
        model = PeftModel.from_pretrained(automatic.from_pretrained(tiny_qwen), str(folder))
    else:
        model = automatic.from_pretrained(folder)
    processor: Any = transformers.AutoProcessor.from_pretrained(folder)
    token = "<|vision_start|><|image_pad|><|vision_end|>"  # noqa: S105
    found = []
    for one in inputs:
        shown = {"images": [picture(image) for image in one["images"]]} if one["images"] else {}
        made = processor(text=[one["text"].replace(PLACEHOLDER, token)], **shown, return_tensors="pt")
        with torch.no_grad():
            found.append(torch.nn.functional.normalize(model.eval()(**made).last_hidden_state[:, -1], dim=-1)[0])
    np.testing.assert_allclose((ours * torch.stack(found).numpy()).sum(axis=1), 1.0, atol=2e-4)


@pytest.mark.parametrize("saved", ["adapters", "merged"])
def test_the_snippets_of_a_card_run_and_agree(
    saved: str, trained: dict[str, Path], tiny_qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained[saved]
    model = load_model(f"nyx:{folder}", options=ModelOptions(lora=None))
    card = model_card(model, f"nyx:{tiny_qwen}", _data(tmp_path), "16 rows", 20, {"a": 1}, ())
    text = card_text(card, "mine")
    assert str(tiny_qwen) not in text
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["library_name"] == "sentence-transformers"
    Image.new("RGB", (64, 48), "navy").save(tmp_path / "boat.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny-qwen").symlink_to(tiny_qwen)
    snippets = fenced(text, "python")
    assert len(snippets) == 3
    vectors = []
    for code in snippets:
        names = run_snippet(code.replace("FOLDER", str(folder)))
        vectors.append(np.asarray(names["vectors"]).reshape(-1))
    for one in vectors[1:]:
        assert float(vectors[0] @ one) == pytest.approx(1.0, abs=2e-4)


def _data(folder: Path) -> Path:
    from tests.support.tiny_dataset import tiny_dataset

    tiny_dataset().write(folder / "data")
    return folder / "data"


def test_a_text_model_by_the_command(tmp_path: Path, built_sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``hf:`` with adapters, merged: loads in sentence-transformers with the same vectors."""
    base = make_tiny_bert(tmp_path / "base")
    (base / "embedder.toml").write_text('images = false\npooling = "mean"\nquery_prefix = "query: "\n')
    out = tmp_path / "out"
    options = ("--max-steps", 2, "--batch-size", 8, "--lora-targets", "all-linear", "--lora-rank", 2, "--merge")
    assert leave("train", built_sample, "--model", f"hf:{base}", "--out", out, *options) == 0
    text = (out / "README.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    (found,) = head["model-index"]
    names = {one["type"] for one in found["results"][0]["metrics"]}
    assert names >= {"recall_at_1", "mrr", "ndcg_at_10"}
    assert head["license"] == "other" and "CC0" in text.split("## Licence")[1]
    assert str(base.parent) not in text
    assert re.search(r"\| recall@1 \|", text)
    snippets = fenced(text, "python")
    assert len(snippets) == 3
    vectors = [np.asarray(run_snippet(code.replace("FOLDER", str(out)))["vectors"]).reshape(-1) for code in snippets]
    for one in vectors[1:]:
        assert float(vectors[0] @ one) == pytest.approx(1.0, abs=1e-5)
