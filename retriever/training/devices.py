"""One batch over several devices: gathered vectors and summed gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def gather_vectors(accelerator: Any, vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of all devices, concatenated in device order; those of this device keep their gradient.

    Each device computes the loss of the whole batch, so the sum of the gradients over the devices
    (``sum_gradients``) equals the gradient on one device with the whole batch.

    :param accelerator: The ``Accelerator`` of accelerate.
    :param vectors: Float [any number, dim].
    """
    import torch

    if accelerator.num_processes == 1:
        return vectors
    counts = accelerator.gather(torch.tensor([len(vectors)], device=vectors.device)).tolist()
    padded = torch.zeros((max(counts), vectors.shape[1]), dtype=vectors.dtype, device=vectors.device)
    padded[: len(vectors)] = vectors.detach()
    everyone = accelerator.gather(padded).split(max(counts))
    pieces = [piece[:count] for piece, count in zip(everyone, counts, strict=True)]
    pieces[accelerator.process_index] = vectors
    return torch.cat(pieces)


def gather_lists(accelerator: Any, items: Sequence[Any]) -> list[Any]:
    """Items of all devices, concatenated in device order."""
    if accelerator.num_processes == 1:
        return list(items)
    from accelerate.utils import gather_object

    gathered: list[Any] = gather_object(list(items))
    return gathered


def sum_gradients(accelerator: Any, parameters: Sequence[torch.nn.Parameter]) -> None:
    """Replace each gradient by its sum over the devices, in one all-reduce."""
    import torch

    if accelerator.num_processes == 1:
        return
    for one in parameters:
        if one.grad is None:  # unused by the inputs of this device
            one.grad = torch.zeros_like(one)
    flat = accelerator.reduce(torch.cat([one.grad.reshape(-1) for one in parameters if one.grad is not None]), "sum")
    sizes = [one.numel() for one in parameters]
    for one, piece in zip(parameters, flat.split(sizes), strict=True):
        one.grad = piece.view_as(one).to(one.dtype)
