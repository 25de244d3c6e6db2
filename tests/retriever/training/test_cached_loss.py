"""Gradients by chunks equal those of the whole batch, with dropout on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.lora import Lora
from nyxqa.retriever.models.nyx import load_nyx
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.examples import read_example
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.retriever.training.memory import graph_tokens
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.step import Chunks, batch_loss, cached_gradients, make_batch
from nyxqa.retriever.training.trainer import train
from tests.support.triplet_rows import triplets

SETTINGS = TrainSettings(batch_size=12, learning_rate=1e-2, temperature=0.05, max_steps=3)


def qwen(folder: Path, checkpointing: bool = False, lora: Lora | None = None) -> EmbeddingModel:
    torch.manual_seed(3)
    shape = lora or Lora(dropout=0.3, targets=("q_proj", "v_proj", "down_proj"))
    model = load_nyx(ModelName(str(folder)), lora=shape, checkpointing=checkpointing)
    for name, one in model.module.named_parameters():
        if "lora_B" in name:  # zero at first, so that adapters, and their dropout, would have no effect
            torch.nn.init.normal_(one, std=0.1)
    return model


def gradients(model: EmbeddingModel) -> dict[str, torch.Tensor]:
    return {name: one.grad.clone() for name, one in model.module.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_by_chunks_are_those_of_the_whole_batch(tiny_qwen: Path, checkpointing: bool) -> None:
    model = qwen(tiny_qwen, checkpointing)
    model.module.train()
    examples = [read_example(row) for row in triplets(9)]
    batch = make_batch(model, examples, Chunks(inputs=4))
    assert len(batch.groups) >= 4
    assert max(map(len, batch.groups)) <= 4
    arguments: tuple[Any, ...] = (model, batch, Matryoshka.of(model.dim, 0.05), "all", Accelerator(cpu=True))
    torch.manual_seed(7)
    loss = batch_loss(*arguments)
    loss.backward()
    whole = gradients(model)
    model.module.zero_grad(set_to_none=True)
    torch.manual_seed(7)
    cached = cached_gradients(*arguments)
    assert float(cached) == pytest.approx(loss.item(), abs=1e-5)
    found = gradients(model)
    assert found.keys() == whole.keys()
    assert max(float(one.abs().max()) for one in whole.values()) > 1e-3
    for name, one in whole.items():
        torch.testing.assert_close(found[name], one, atol=1e-5, rtol=1e-4)
    # Without the stored states dropout would drop other inputs in the second pass, and the gradients would be others.
    torch.manual_seed(8)
    assert abs(batch_loss(*arguments).item() - loss.item()) > 1e-4


def trained(model: EmbeddingModel, settings: TrainSettings) -> tuple[list[float], dict[str, torch.Tensor]]:
    losses = train(model, triplets(24), settings).losses
    return losses, {name: one.detach().clone() for name, one in model.module.named_parameters() if one.requires_grad}


@pytest.mark.parametrize("kind", ["tiny", "nyx"])
def test_a_run_by_chunks_ends_as_one_of_whole_batches(kind: str, tiny_qwen: Path) -> None:
    def model() -> EmbeddingModel:
        return TinyModel() if kind == "tiny" else qwen(tiny_qwen, lora=Lora(dropout=0.0))

    losses, weights = trained(model(), SETTINGS)
    by_chunks, chunked = trained(model(), replace(SETTINGS, chunk=5))
    assert by_chunks == pytest.approx(losses, abs=1e-5)
    for name, one in weights.items():
        # AdamW divides by a gradient's size, so a weight whose gradient is rounding alone may move by the rate.
        assert float((chunked[name] - one).abs().mean()) < 1e-5


def test_a_batch_above_memory_is_taken_by_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --chunk, the first batch that is not small is measured, and what does not fit is cached."""
    import nyxqa.retriever.training.trainer as trainer

    calls: list[int] = []

    def noted(*arguments: Any) -> torch.Tensor:
        calls.append(arguments[1].size)
        return cached_gradients(*arguments)

    monkeypatch.setattr(trainer, "cached_gradients", noted)
    whole = train(TinyModel(), triplets(24), SETTINGS).losses
    assert not calls
    monkeypatch.setattr(trainer, "small", lambda device: 10)
    monkeypatch.setattr(trainer, "graph_tokens", lambda *_: 20)
    assert train(TinyModel(), triplets(24), SETTINGS).losses == pytest.approx(whole, abs=1e-5)
    assert len(calls) == 2  # 24 rows in batches of 12


def test_what_fits_is_measured_by_what_a_graph_keeps(monkeypatch: pytest.MonkeyPatch, tiny_qwen: Path) -> None:
    import nyxqa.retriever.training.memory as memory

    monkeypatch.setattr(memory, "_available", lambda: 2**30)
    examples = [read_example(row) for row in triplets(6)]
    fitting = {}
    for checkpointing in (False, True):
        model = qwen(tiny_qwen, checkpointing)
        model.module.train()
        batch = make_batch(model, examples, Chunks(inputs=4))
        fitting[checkpointing] = graph_tokens(model, batch, Accelerator(cpu=True))
        assert all(one.grad is None for one in model.module.parameters())
    assert fitting[True] >= 2 * fitting[False]
    assert fitting[False] & (fitting[False] - 1) == 0


def test_chunks_split_groups_evenly() -> None:
    groups = [[0, 1, 2, 3, 4, 5, 6], [7, 8]]
    lengths = [10] * 7 + [50, 60]
    assert list(Chunks(inputs=3).split(groups, lengths)) == [[0, 1, 2], [3, 4, 5], [6], [7, 8]]
    assert list(Chunks(tokens=40).split(groups, lengths)) == [[0, 1, 2, 3], [4, 5, 6], [7], [8]]
    assert list(Chunks().split(groups, lengths)) == groups
