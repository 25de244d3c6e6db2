"""Gradients of a large batch in the memory of a chunk: GradCache (Gao and others 2021, arXiv 2101.06983).

The loss contrasts all inputs of a step, but its gradient reaches the weights only through the vectors. So all vectors
are computed without a graph, the loss gives the gradient of each vector, and every chunk is embedded again, with a
graph, to carry its vectors' gradients to the weights. Dropout draws the same numbers both times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.label_masks import NegativeScope
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.retriever.training.step import Batch, in_order, loss_over_devices

if TYPE_CHECKING:
    import torch


def cached_gradients(
    model: EmbeddingModel, batch: Batch, loss: Matryoshka, against: NegativeScope, accelerator: Any
) -> torch.Tensor:
    """Loss of the whole step over the batches of all devices; adds this device's share to the weights' gradients.

    Only vectors and ids cross devices; gradients are summed over devices afterwards, once for all chunks.
    """
    import torch

    device = next(model.module.parameters()).device
    states: list[_RandomState] = []
    pieces: list[torch.Tensor] = []
    with torch.no_grad(), accelerator.autocast():
        for inputs in batch.inputs:
            states.append(_RandomState(device))
            pieces.append(model.embed(inputs))
    vectors = in_order(pieces, batch, model).requires_grad_()
    value = loss_over_devices(vectors, batch, loss, against, accelerator)
    value.backward()  # type: ignore[no-untyped-call]
    gradients = vectors.grad if vectors.grad is not None else torch.zeros_like(vectors)
    for group, inputs, state in zip(batch.groups, batch.inputs, states, strict=True):
        state.restore()
        with accelerator.autocast():
            again = model.embed(inputs)
        again.backward(gradients[list(group)].to(again.dtype))  # type: ignore[no-untyped-call]
    return value.detach()


class _RandomState:
    """The state of the generators that dropout on ``device`` draws from."""

    def __init__(self, device: torch.device) -> None:
        import torch

        self._device = device
        self._cpu = torch.get_rng_state()
        self._gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        """Let the generators go on from this state."""
        import torch

        torch.set_rng_state(self._cpu)
        if self._gpu is not None:
            torch.cuda.set_rng_state(self._gpu, self._device)
