from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.factory import ModelOptions, load_model
from nyxqa.retriever.models.lora import LORA, Lora
from nyxqa.retriever.models.model_input import pil_image
from nyxqa.retriever.models.nyx import NyxModel, load_nyx
from nyxqa.retriever.models.vision_model import DeviceEncoder
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import PLACEHOLDER, Content
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.files import read_json
from tests.support.sides import shown

COLOURS = ("red", "green", "blue", "orange")
QUERIES = [shown(f"where is the {colour} *", colour, role="query") for colour in COLOURS]
DOCUMENTS = [shown(f"page * with {n} of * words", colour, COLOURS[n - 1]) for n, colour in enumerate(COLOURS)]
NEGATIVES = [shown(f"* page {n}", colour) for n, colour in enumerate(COLOURS)]


def trained(
    folder: Path,
    lora: Lora | None,
    steps: int = 8,
    checkpointing: bool = True,
    model: NyxModel | None = None,
    rate: float = 1e-2,
) -> tuple[NyxModel, list[float]]:
    """The model after a few steps of InfoNCE, and its losses."""
    import torch

    torch.manual_seed(0)
    if model is None:
        model = load_nyx(ModelName(str(folder)), lora=lora, checkpointing=checkpointing)
    module = model.module.train()
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=rate)
    losses = []
    for _ in range(steps):
        queries, documents = (unit(model, sides) for sides in (QUERIES, [*DOCUMENTS, *NEGATIVES]))
        loss = torch.nn.functional.cross_entropy(queries @ documents.T / 0.1, torch.arange(len(QUERIES)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    module.eval()
    return model, losses


def unit(model: NyxModel, sides: Sequence[ModelInput]) -> Any:
    import torch

    return torch.nn.functional.normalize(model.embed(model.prepare(sides)), dim=-1)


def embedded(model: NyxModel, sides: Sequence[ModelInput] = DOCUMENTS) -> Any:
    import torch

    with torch.no_grad():
        return model.embed(model.prepare(sides)).numpy()


@pytest.mark.parametrize("name", ["paper", "code"])
def test_trains_with_lora_saves_and_embeds_to_the_same_vectors(tiny_qwen: Path, tmp_path: Path, name: str) -> None:
    before = embedded(load_nyx(ModelName(str(tiny_qwen))))
    model, losses = trained(tiny_qwen, LORA[name])
    assert losses[-1] < 0.5 * losses[0]
    after = embedded(model)
    assert abs(after - before).max() > 0.01
    model.save(tmp_path / "saved")
    again = load_nyx(ModelName(str(tmp_path / "saved")))
    assert again.adapted
    assert embedded(again) == pytest.approx(after, abs=1e-6)
    for side, vector in zip(DOCUMENTS, after, strict=True):
        assert embedded(again, [side])[0] == pytest.approx(vector, abs=1e-5)
    left = load_nyx(ModelName(str(tmp_path / "saved")), overrides={"padding": "left"})
    assert embedded(left) == pytest.approx(after, abs=1e-5)
    assert not any(parameter.requires_grad for parameter in again.module.parameters())


def test_only_adapters_are_trained(tiny_qwen: Path) -> None:
    model = load_nyx(ModelName(str(tiny_qwen)), lora=LORA["paper"])
    learning = {name for name, parameter in model.module.named_parameters() if parameter.requires_grad}
    assert learning
    assert all("lora_" in name for name in learning)
    shapes = [tuple(p.shape) for n, p in model.module.named_parameters() if "lora_A" in n]
    assert {shape[0] for shape in shapes} == {8}


def test_checkpointing_changes_no_gradient(tiny_qwen: Path) -> None:
    lora = Lora(dropout=0.0)
    _, losses = trained(tiny_qwen, lora, steps=3, checkpointing=False)
    _, spared = trained(tiny_qwen, lora, steps=3, checkpointing=True)
    assert spared == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize(("checkpointing", "passes"), [(False, 1), (True, 2)])
def test_checkpointed_layers_are_computed_twice(tiny_qwen: Path, checkpointing: bool, passes: int) -> None:
    model = load_nyx(ModelName(str(tiny_qwen)), lora=LORA["paper"], checkpointing=checkpointing)
    calls: list[str] = []
    for layer in (model.network.language_model.layers[0], model.network.visual.blocks[1]):
        name = type(layer).__name__
        layer.mlp.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
    model.module.train()
    unit(model, DOCUMENTS[:2]).sum().backward()
    assert sorted(calls) == sorted(["Qwen2_5_VLDecoderLayer", "Qwen2_5_VLVisionBlock"] * passes)


def test_saved_adapters_go_on_learning(tiny_qwen: Path, tmp_path: Path) -> None:
    model, losses = trained(tiny_qwen, LORA["paper"], steps=4)
    model.save(tmp_path / "first")
    more = load_nyx(ModelName(str(tmp_path / "first")), trainable=True, lora=LORA["code"])
    _, further = trained(tiny_qwen, None, steps=4, model=more)
    assert further[-1] < losses[0]
    more.save(tmp_path / "second")
    assert embedded(load_nyx(ModelName(str(tmp_path / "second")))) == pytest.approx(embedded(more), abs=1e-6)


def test_merged_weights_need_neither_base_nor_adapters(tiny_qwen: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_qwen, tmp_path / "base")
    model, _ = trained(base, LORA["code"], steps=3)
    wanted = embedded(model)
    model.save(tmp_path / "adapters")
    model.save(tmp_path / "merged", merged=True)
    shutil.rmtree(base)
    again = load_nyx(ModelName(str(tmp_path / "merged")))
    assert not again.adapted
    assert embedded(again) == pytest.approx(wanted, abs=1e-4)
    with pytest.raises(WorldError, match="neither an existing folder"):
        load_nyx(ModelName(str(tmp_path / "adapters")))


def test_all_weights_can_be_trained_and_saved(tiny_qwen: Path, tmp_path: Path) -> None:
    model, losses = trained(tiny_qwen, None, steps=3, rate=1e-4)
    assert losses[-1] < losses[0]
    model.save(tmp_path / "whole")
    assert embedded(load_nyx(ModelName(str(tmp_path / "whole")))) == pytest.approx(embedded(model), abs=1e-6)


def test_settings_are_saved_and_read_again(tiny_qwen: Path, tmp_path: Path) -> None:
    changed = {"max_pixels": 400 * 28 * 28, "query_instruction": 'Say "which".', "max_text_tokens": 77}
    model = load_nyx(ModelName(str(tiny_qwen)), lora=LORA["paper"], overrides=changed)
    model.save(tmp_path / "saved")
    again = load_nyx(ModelName(str(tmp_path / "saved")))
    assert again.settings == model.settings
    assert again.settings.base == str(tiny_qwen)
    assert not (tmp_path / "saved" / "README.md").exists()


def test_prepared_rows_come_from_another_process(tiny_qwen: Path) -> None:
    from torch.utils.data import DataLoader

    model = load_nyx(ModelName(str(tiny_qwen)))
    loader: Any = DataLoader(DOCUMENTS, batch_size=2, num_workers=1, collate_fn=model.prepare)  # type: ignore[arg-type]
    batches = list(loader)
    assert len(batches) == 2
    assert (batches[1]["input_ids"] == model.prepare(DOCUMENTS[2:])["input_ids"]).all()


def test_by_name_a_model_is_ready_to_learn(tiny_qwen: Path, tmp_path: Path) -> None:
    model = load_model(f"nyx:{tiny_qwen}", options=ModelOptions(LORA["code"]))
    assert model.name == "nyx:tiny-qwen"
    model.save(tmp_path / "saved")
    for name in (str(tiny_qwen), str(tmp_path / "saved")):
        again = load_model(f"nyx:{name}")
        learning = {key for key, weight in again.module.named_parameters() if weight.requires_grad}
        assert learning
        assert all("lora_" in key for key in learning)


def test_new_adapters_follow_from_the_seed(tiny_qwen: Path) -> None:
    """Every process of a run starts from the same ones."""
    one, same, other = (load_model(f"nyx:{tiny_qwen}", seed) for seed in (1, 1, 2))
    weights = [
        [weight for name, weight in model.module.named_parameters() if "lora_A" in name] for model in (one, same, other)
    ]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert not all((a == b).all() for a, b in zip(weights[0], weights[2], strict=True))


def test_adapters_for_layers_that_are_not_there_are_refused(tiny_qwen: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no layer of Qwen2_5_VLModel is called query, .* its linear layers: .*q_proj"
    ):
        load_nyx(ModelName(str(tiny_qwen)), lora=Lora(targets=("query",)))


def _pixels(seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def _messages(content: ModelInput) -> list[dict[str, Any]]:
    """A document as sentence-transformers takes it."""
    parts = Content(content.text, content.images).parts()
    blocks = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": pil_image(part)}
        for part in parts
    ]
    return [{"role": "user", "content": blocks}]


@pytest.mark.parametrize("template", ["{text}", "<{text}>"])
@pytest.mark.parametrize("saved", ["adapters", "merged", "whole"])
def test_sentence_transformers_computes_the_same_vectors(
    saved: str, template: str, tiny_qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = pytest.importorskip("sentence_transformers", minversion="6.2")
    monkeypatch.chdir(tiny_qwen.parent)  # a relative name of the base must not be published
    own = {"template": template, "query_instruction": "find it", "max_pixels": 16 * 28 * 28}
    lora = None if saved == "whole" else LORA["paper"]
    model, _ = trained(tiny_qwen, None, 0, model=load_nyx(ModelName(tiny_qwen.name), lora=lora, overrides=own))
    model, _ = trained(tiny_qwen, None, 3, model=model)
    model.save(tmp_path / "out", merged=saved == "merged")
    contents = [
        ModelInput("where is the red boat"),
        ModelInput(f"see {PLACEHOLDER} and {PLACEHOLDER} here", (_pixels(1), _pixels(2))),
        ModelInput(f"{PLACEHOLDER} boat", (_pixels(3),)),
        ModelInput(PLACEHOLDER, (_pixels(4),)),
    ]
    queries = [ModelInput("which boat", role="query"), ModelInput("where", role="query")]
    opened = load_nyx(ModelName(str(tmp_path / "out")))
    ours = DeviceEncoder(opened, "cpu").encode([*contents, *queries])
    monkeypatch.chdir("/")
    theirs = library.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    found = [
        *theirs.encode([contents[0].text]),
        *theirs.encode([_messages(content) for content in contents[1:]]),
        *theirs.encode([query.text for query in queries], prompt_name="query"),
    ]
    np.testing.assert_allclose([float(a @ b) for a, b in zip(ours, found, strict=True)], 1.0, atol=2e-4)


def test_the_adapters_name_a_base_that_can_be_found(
    tiny_qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_qwen.parent)
    load_nyx(ModelName(tiny_qwen.name), lora=LORA["paper"]).save(tmp_path / "local")
    assert read_json(tmp_path / "local" / "adapter_config.json")["base_model_name_or_path"] == str(tiny_qwen.resolve())
    # A checkpoint of the Hub is read from the cache, and named as on the Hub.
    monkeypatch.setattr("nyxqa.retriever.models.checkpoints._fetched", lambda model: tiny_qwen)
    load_nyx(ModelName("user/qwen", "0" * 40), lora=LORA["paper"]).save(tmp_path / "hub")
    config = read_json(tmp_path / "hub" / "adapter_config.json")
    assert (config["base_model_name_or_path"], config["revision"]) == ("user/qwen", "0" * 40)
