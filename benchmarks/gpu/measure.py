"""Seconds, memory and FLOPs, beside the card's peak."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

# Dense bfloat16 FLOP a second of the data sheets.
PEAKS = {"H200": 989e12, "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "B200": 2250e12, "A100": 312e12}
PEAKS |= {"L40S": 362e12, "L4": 121e12, "A10": 125e12, "RTX 4090": 165e12, "RTX 3090": 71e12}


def flops(network: Any, batch: Any) -> float:
    """FLOPs of one forward pass over a batch, without padding; 2 a weight and token, and the products of attention.

    A text layer's attention is causal (half of all pairs); a vision layer looks at windows of 64 patches, in four
    layers at its whole image. The merger, met by a fourth of the patches, counts as if met by all: under 2 %.
    """
    text, vision = network.config.text_config, network.config.vision_config
    language = sum(one.numel() for one in network.language_model.layers.parameters())
    seeing = sum(one.numel() for one in network.visual.parameters())
    whole = len(vision.fullatt_block_indexes)
    total = 0.0
    for inputs in batch.inputs:
        for length in inputs["attention_mask"].sum(dim=1).tolist():
            total += 2 * language * length + 2 * length**2 * text.hidden_size * text.num_hidden_layers
        if "image_grid_thw" in inputs:
            for patches in inputs["image_grid_thw"].prod(dim=1).tolist():
                pairs = patches * (whole * patches + (vision.depth - whole) * min(patches, 64))
                total += 2 * seeing * patches + 4 * pairs * vision.hidden_size
    return total


def rates(seconds: float, tokens: int, needed: float, computed: float) -> dict[str, Any]:
    """Seconds, tokens a second, and FLOPs a second beside the card's peak."""
    import torch

    peak = None
    if torch.cuda.is_available():
        peak = next((one for name, one in PEAKS.items() if name in torch.cuda.get_device_name()), None)
    rate = {"seconds": round(seconds, 4), "tokens": tokens, "tokens_per_second": round(tokens / seconds, 1)}
    for name, count in (("model", needed), ("computed", computed)):
        rate[f"{name}_flops_per_second"] = round(count / seconds)
        rate[f"{name}_flops_of_peak"] = round(count / seconds / peak, 4) if peak else math.nan
    return {name: value for name, value in rate.items() if value == value}


def timed(step: Callable[[], Any], steps: int) -> float:
    """Median seconds of a step; one goes before."""
    step()
    synchronize()
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        synchronize()
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[len(seconds) // 2]


def synchronize() -> None:
    """Wait for the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def reset_memory() -> None:
    """Forget the most memory that was used so far."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory() -> dict[str, float]:
    """The most memory used, in GiB."""
    import torch

    if not torch.cuda.is_available():
        return {}
    return {"most_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)}
