"""How many tokens of a step fit into memory with their graph, measured on a first small pass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.step import Batch

if TYPE_CHECKING:
    import torch

# Padded tokens of a forward pass where no chunk is given: a pass of more is hardly faster, measured with MiniLM on two
# cores; a GPU needs more to be busy.
CPU_CHUNK_TOKENS = 4_096
GPU_CHUNK_TOKENS = 16_384
# Steps of fewer padded tokens are taken whole without measuring.
SMALL = {"cpu": 8_192, "cuda": 16_384}
# Share of the free memory that graphs may take: gradients, the optimiser and the next batch need some too.
_SHARE = {"cpu": 0.25, "cuda": 0.6}


def chunk_tokens(device: torch.device) -> int:
    """Padded tokens of a forward pass where no chunk is given."""
    return GPU_CHUNK_TOKENS if device.type == "cuda" else CPU_CHUNK_TOKENS


def small(device: torch.device) -> int:
    """Padded tokens of a step that is taken whole without measuring."""
    return SMALL.get(device.type, SMALL["cpu"])


def graph_tokens(model: EmbeddingModel, batch: Batch, accelerator: Any) -> int:
    """Padded tokens whose graphs fit into the free memory of this process, a power of two.

    Measured on the batch's smallest group, which leaves no gradient.
    """
    import torch

    device = next(model.module.parameters()).device
    number = min(range(len(batch.groups)), key=batch.padded.__getitem__)
    tokens = max(1, batch.padded[number])
    kept = _kept_bytes(model, batch.inputs[number], device, accelerator)
    fitting = _SHARE.get(device.type, 0.25) * _free_bytes(device, accelerator) / max(1.0, kept / tokens)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return int(2 ** max(10, int(fitting).bit_length() - 1))


def _kept_bytes(model: EmbeddingModel, inputs: Any, device: torch.device, accelerator: Any) -> float:
    """Bytes that the graph of a forward pass keeps."""
    import torch

    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        with accelerator.autocast():
            vectors = model.embed(inputs)
        taken = torch.cuda.memory_allocated(device) - before
        del vectors
        return float(taken)
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = {one.untyped_storage().data_ptr() for one in model.module.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), accelerator.autocast():
        vectors = model.embed(inputs)
    del vectors
    return float(sum(size for place, size in kept.items() if place not in weights))


def _free_bytes(device: torch.device, accelerator: Any) -> int:
    import torch

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + unused)
    sharing = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
    return _available() // max(1, sharing)


def _available() -> int:
    """Bytes of main memory that a process can still take."""
    info = Path("/proc/meminfo")
    if info.exists():
        for line in info.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
