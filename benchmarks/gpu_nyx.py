"""Qwen2.5-VL-3B's shape with random weights on a GPU: training with LoRA and checkpointing, and embedding.

``python benchmarks/gpu_nyx.py --peak 989e12 --out FILE.json`` needs a GPU, Python 3.10 or newer, torch and transformers
and nothing else: inputs are tensors made here, and LoRA is the few lines below. ``--peak`` is what the GPU can do at
most in bfloat16, dense, in FLOP a second (its data sheet; 989e12 for an H100 or H200 SXM).

A row is a question or a document of ``--text`` text tokens and ``--images`` images of ``--image-tokens`` tokens. A
step is forward, an InfoNCE over the batch at one prefix length, backward and AdamW on the adapters; a batch of B
means B queries and B documents in two forward passes. Model FLOPs count what the algorithm needs, 2 a weight and
token forward; backward needs as many for the states alone (base weights are frozen) and the adapters' share; what
checkpointing computes again is not counted. Batch sizes double until memory runs out or ``--most`` is reached.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# config.json of Qwen2.5-VL-3B-Instruct; these values are not the defaults of transformers' Qwen2_5_VLConfig.
TEXT: dict[str, Any] = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128000,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}
VISION: dict[str, Any] = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 2048,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
IMAGE, VISION_START, VISION_END = 151655, 151652, 151653  # numbers of the tokens
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj")
PATCH_NUMBERS = 3 * 2 * 14 * 14
DEVICE = "cuda"


def main() -> int:
    """Measure and write the result; 1 without a GPU."""
    options = _options()
    import torch

    if not torch.cuda.is_available():
        print("gpu_nyx: no GPU here: torch.cuda.is_available() is false; nothing was measured", file=sys.stderr)
        return 1
    torch.manual_seed(0)
    network = build(options.rank, options.alpha)
    weights = count_weights(network)
    result: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "memory_gib": round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1),
        "versions": {"torch": torch.__version__, "transformers": __import__("transformers").__version__},
        "peak_flops": options.peak,
        "weights": weights,
        "lora": {"rank": options.rank, "alpha": options.alpha, "targets": TARGETS},
        "row": {"text": options.text, "images": options.images, "image_tokens": options.image_tokens},
        "training": sweep(options, lambda batch: train(network, batch, options, weights)),
        "embedding": sweep(options, lambda batch: embed(network, batch, options, weights)),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peak", type=float, required=True, help="FLOP a second of the GPU in bfloat16")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--text", type=int, default=200, help="text tokens of a row (Nyx paper: a chunk's most)")
    parser.add_argument("--images", type=int, default=1, help="images of a row")
    parser.add_argument("--image-tokens", type=int, default=400, help="tokens of an image (Nyx paper 400, code 640)")
    parser.add_argument("--rank", type=int, default=8, help="LoRA rank (Nyx paper 8, code 16)")
    parser.add_argument("--alpha", type=float, default=64)
    parser.add_argument("--first", type=int, default=4, help="smallest batch")
    parser.add_argument("--most", type=int, default=128, help="largest batch")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of a batch size, after two that are not")
    return parser.parse_args()


def build(rank: int, alpha: float) -> Any:
    """The network on the GPU in bfloat16, base weights frozen, adapters in float32, checkpointing on."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel

    config = Qwen2_5_VLConfig(text_config=dict(TEXT), vision_config=dict(VISION), image_token_id=IMAGE)
    config.get_text_config().use_cache = False
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(DEVICE):
        network = Qwen2_5_VLModel(config)
    torch.set_default_dtype(torch.float32)
    network.requires_grad_(False)
    add_lora(network, rank, alpha)
    enable = getattr(network, "activation_checkpointing_enable", network.gradient_checkpointing_enable)
    enable({"use_reentrant": False})
    return network


def add_lora(network: Any, rank: int, alpha: float) -> None:
    """Put an adapter beside each layer whose name ends in one of the targets."""
    import torch

    class LoraLinear(torch.nn.Module):
        """A frozen layer plus ``alpha / rank`` times a product of two thin ones."""

        def __init__(self, base: torch.nn.Linear) -> None:
            super().__init__()
            self.base = base
            self.down = torch.nn.Linear(base.in_features, rank, bias=False, device=DEVICE)
            self.up = torch.nn.Linear(rank, base.out_features, bias=False, device=DEVICE)
            torch.nn.init.zeros_(self.up.weight)

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            added: torch.Tensor = self.up(self.down(states.float())) * (alpha / rank)
            base: torch.Tensor = self.base(states)
            return base + added.to(base.dtype)

    found = [(name, layer) for name, layer in network.named_modules() if name.rpartition(".")[2] in TARGETS]
    for name, layer in found:
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, LoraLinear(layer))


def count_weights(network: Any) -> dict[str, int]:
    """Weights that multiply each token (embeddings only look up), by tower, and those that are trained."""
    vision = sum(p.numel() for p in network.visual.parameters() if not p.requires_grad)
    language = sum(p.numel() for p in network.language_model.layers.parameters() if not p.requires_grad)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return {"vision": vision, "language": language, "trained": trained, "all": vision + language + trained}


def inputs(rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """A batch of ``rows`` random rows on the GPU, images first; all of one length, so that nothing is filled up."""
    import torch

    side = max(1, round(math.sqrt(options.image_tokens)))
    other = max(1, round(options.image_tokens / side))
    image = torch.tensor([VISION_START] + [IMAGE] * (side * other) + [VISION_END])
    text = torch.randint(0, min(150_000, TEXT["vocab_size"]), (rows, options.text))
    ids = torch.cat([image.repeat(options.images).expand(rows, -1), text], dim=1).to(DEVICE)
    batch = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == IMAGE).long(),
    }
    if options.images:
        grid = torch.tensor([[1, 2 * side, 2 * other]]).repeat(rows * options.images, 1)
        patches = int(grid.prod(dim=1).sum())
        batch["image_grid_thw"] = grid.to(DEVICE)
        batch["pixel_values"] = torch.randn(patches, PATCH_NUMBERS, device=DEVICE, dtype=torch.bfloat16)
    return batch


def vectors(network: Any, batch: dict[str, Any]) -> Any:
    """Unit vectors of the last tokens, float32."""
    import torch

    states = network(**batch).last_hidden_state[:, -1]
    return torch.nn.functional.normalize(states.float(), dim=-1)


def forward_flops(batch: dict[str, Any], weights: dict[str, int]) -> float:
    """FLOPs of one forward pass: 2 a weight and token or patch, and the products of attention.

    A text layer's attention is causal (half of all pairs); a vision layer looks at windows of 64 patches, in four
    layers at its whole image. The merger, met by a fourth of the patches, counts as if met by all: under 2 %.
    """
    rows, length = batch["input_ids"].shape
    tokens = rows * length
    text = 2 * weights["language"] * tokens + 2 * length * tokens * TEXT["hidden_size"] * TEXT["num_hidden_layers"]
    if "image_grid_thw" not in batch:
        return float(text)
    images = batch["image_grid_thw"].prod(dim=1).tolist()
    whole = len(VISION["fullatt_block_indexes"])
    pairs = sum(n * (whole * n + (VISION["depth"] - whole) * min(n, 64)) for n in images)
    return float(text + 2 * weights["vision"] * sum(images) + 4 * pairs * VISION["hidden_size"])


def train(network: Any, size: int, options: argparse.Namespace, weights: dict[str, int]) -> dict[str, Any]:
    """Steps of ``size`` queries and as many documents."""
    import torch

    network.train()
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-5)
    queries, documents = inputs(size, options), inputs(size, options)
    losses = []

    def step() -> None:
        scores = vectors(network, queries) @ vectors(network, documents).T / 0.02
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(size, device=DEVICE))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    found = timed(step, options.steps)
    tokens = 2 * queries["input_ids"].numel()
    # Backward: the gradient of the states costs what forward does, as frozen weights have no gradient.
    flops = 2 * 2 * forward_flops(queries, weights) + 6 * weights["trained"] * tokens
    return {"rows": 2 * size, **figures(found, tokens, flops, options.peak), "losses": [round(x, 4) for x in losses]}


def embed(network: Any, size: int, options: argparse.Namespace, weights: dict[str, int]) -> dict[str, Any]:
    """Forward passes of ``size`` rows without gradients."""
    import torch

    network.eval()
    batch = inputs(size, options)

    def step() -> None:
        with torch.inference_mode():
            vectors(network, batch)

    found = timed(step, options.steps)
    tokens = batch["input_ids"].numel()
    flops = forward_flops(batch, weights) + 2 * weights["trained"] * tokens
    return {"rows": size, **figures(found, tokens, flops, options.peak), "rows_per_second": round(size / found[0], 2)}


def timed(step: Callable[[], None], steps: int) -> tuple[float, float]:
    """Median seconds of a step and the most memory it took, in GiB; two steps go before."""
    import torch

    for _ in range(2):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), torch.cuda.max_memory_allocated() / 2**30


def figures(found: tuple[float, float], tokens: int, flops: float, peak: float) -> dict[str, Any]:
    """What is written of a batch size."""
    seconds, memory = found
    return {
        "tokens": tokens,
        "seconds": round(seconds, 4),
        "tokens_per_second": round(tokens / seconds),
        "memory_gib": round(memory, 2),
        "model_tflops_per_second": round(flops / seconds / 1e12, 1),
        "utilisation": round(flops / seconds / peak, 4),
    }


def sweep(options: argparse.Namespace, measure: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    """Figures of each batch size that fits."""
    import torch

    found: list[dict[str, Any]] = []
    size = options.first
    while size <= options.most:
        try:
            found.append({"batch": size, **measure(size)})
        except torch.cuda.OutOfMemoryError:
            found.append({"batch": size, "out_of_memory": True})
            break
        finally:
            torch.cuda.empty_cache()
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
        size *= 2
    return found


if __name__ == "__main__":
    sys.exit(main())
