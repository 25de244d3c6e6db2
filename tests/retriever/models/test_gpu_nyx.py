"""The benchmark that runs on a GPU: it refuses without one, and its steps are tried here on small shapes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks.gpu_nyx as gpu_nyx

SCRIPT = Path(gpu_nyx.__file__)
# Two layers a tower; 64 numbers a token.
SMALL_TEXT = {
    "vocab_size": 200_000,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
}
SMALL_VISION = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 2,
    "out_hidden_size": 64,
    "fullatt_block_indexes": [1],
}


def test_refuses_without_a_gpu_in_one_line() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = subprocess.run([sys.executable, SCRIPT, "--peak", "1e12"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("gpu_nyx: no GPU here")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("images", [0, 2])
def test_steps_on_small_shapes(monkeypatch: pytest.MonkeyPatch, images: int) -> None:
    def once(step: gpu_nyx.Callable[[], None], steps: int) -> tuple[float, float]:
        for _ in range(steps):
            step()
        return 1.0, 0.0

    monkeypatch.setattr(gpu_nyx, "DEVICE", "cpu")
    monkeypatch.setattr(gpu_nyx, "TEXT", SMALL_TEXT)
    monkeypatch.setattr(gpu_nyx, "VISION", SMALL_VISION)
    monkeypatch.setattr(gpu_nyx, "timed", once)
    options = argparse.Namespace(text=12, images=images, image_tokens=6, peak=1e12, steps=2)
    network = gpu_nyx.build(rank=2, alpha=4)
    weights = gpu_nyx.count_weights(network)
    trained = gpu_nyx.train(network, 3, options, weights)
    # 12 of text, and of each image 6 with one token on each side.
    assert trained["tokens"] == 2 * 3 * (12 + images * 8)
    assert len(trained["losses"]) == 2
    assert any(parameter.grad is not None for parameter in network.parameters())
    assert all(parameter.grad is None for parameter in network.parameters() if not parameter.requires_grad)
    embedded = gpu_nyx.embed(network, 4, options, weights)
    assert embedded["tokens"] == 4 * (12 + images * 8)


def test_weights_of_the_real_shape_are_those_of_3b() -> None:
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel

    config = Qwen2_5_VLConfig(text_config=dict(gpu_nyx.TEXT), vision_config=dict(gpu_nyx.VISION))
    with torch.device("meta"):
        network = Qwen2_5_VLModel(config)
    # Qwen2.5-VL-3B: 3.75 billion weights in its checkpoint, the head tied to the embeddings.
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(3.754e9, rel=0.001)
