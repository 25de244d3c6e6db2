from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.nyx import NyxModel, load_nyx
from nyxqa.retriever.protocols import ModelInput
from nyxqa.schemas.content import PLACEHOLDER
from tests.support.sides import picture

# Pixels; windows of 56 pixels are cut at the edges of some of them.
SIZES = [(140, 84), (300, 28), (112, 112), (224, 112), (56, 196)]


def documents() -> list[ModelInput]:
    images = tuple(picture("red", *size) for size in SIZES)
    return [ModelInput(f"one {PLACEHOLDER} two {PLACEHOLDER}", images[:2]), ModelInput(PLACEHOLDER * 3, images[2:])]


def gradients(model: NyxModel) -> tuple[Any, list[Any]]:
    model.module.zero_grad()
    vectors = model.embed(model.prepare(documents()))
    vectors.square().sum().backward()
    return vectors.detach(), [one.grad.clone() for one in model.network.visual.parameters() if one.grad is not None]


def test_all_windows_at_once_give_the_vectors_and_gradients_of_one_at_a_time(tiny_qwen: Path) -> None:
    model = load_nyx(ModelName(str(tiny_qwen)), overrides={})
    vision = model.network.visual.config
    assert "flash" in vision._attn_implementation
    together, gradients_together = gradients(model)
    vision._attn_implementation = "sdpa"
    single, gradients_single = gradients(model)
    assert together.numpy() == pytest.approx(single.numpy(), rel=1e-4, abs=1e-5)
    assert len(gradients_together) == len(gradients_single) > 0
    for one, other in zip(gradients_together, gradients_single, strict=True):
        assert one.numpy() == pytest.approx(other.numpy(), rel=1e-3, abs=1e-4 * float(other.abs().max()))


def test_the_number_of_kernel_calls_does_not_grow_with_the_windows(
    tiny_qwen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = load_nyx(ModelName(str(tiny_qwen)), overrides={"max_pixels": 448 * 448})
    calls: list[int] = []
    plain = torch.nn.functional.scaled_dot_product_attention

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return plain(*arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counted)
    counts = []
    for side in (112, 224, 448):
        calls.clear()
        with torch.no_grad():
            model.embed(model.prepare([ModelInput(PLACEHOLDER, (picture("red", side, side),))]))
        counts.append(len(calls))
    assert counts[0] == counts[1] == counts[2] > 0


def test_the_name_of_the_attention_is_not_saved(tiny_qwen: Path, tmp_path: Path) -> None:
    load_nyx(ModelName(str(tiny_qwen)), overrides={}).save(tmp_path / "saved")
    assert "flash" not in (tmp_path / "saved" / "config.json").read_text(encoding="utf-8")
