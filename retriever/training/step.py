"""One training step: a batch of examples through the model and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.models.batching import length_groups
from nyxqa.retriever.protocols import EmbeddingModel, ModelInput, Tensors
from nyxqa.retriever.training.devices import gather_lists, gather_vectors
from nyxqa.retriever.training.examples import Example
from nyxqa.retriever.training.label_masks import NamedIds, NegativeScope, label_masks
from nyxqa.retriever.training.loss import Matryoshka

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Chunks:
    """The most that one forward pass of a step takes; a step of more inputs takes several.

    :param inputs: Queries and documents; None for no limit.
    :param tokens: Their tokens with padding, of more than one input; None for no limit.
    """

    inputs: int | None = None
    tokens: int | None = None

    def split(self, groups: Sequence[Sequence[int]], lengths: Sequence[int]) -> Iterator[list[int]]:
        """The groups, those above a limit in pieces of nearly equal size."""
        for group in groups:
            most = self.inputs or len(group)
            if self.tokens is not None:
                most = min(most, max(1, self.tokens // max(1, *(lengths[row] for row in group))))
            pieces = -(-len(group) // most)
            size = -(-len(group) // pieces)
            for start in range(0, len(group), size):
                yield list(group[start : start + size])


@dataclass(frozen=True)
class Batch:
    """A device's part of a step, ready for the model.

    :param listed: Ids that each query refers to.
    :param documents: Ids of the documents, each once.
    :param groups: Positions of the inputs (queries, then documents) that are encoded together.
    :param inputs: Tensors of each group.
    :param tokens: About how many tokens all inputs cost.
    :param padded: The same with padding, of each group.
    """

    listed: tuple[NamedIds, ...]
    documents: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    inputs: tuple[Tensors, ...]
    tokens: int
    padded: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of inputs."""
        return len(self.listed) + len(self.documents)


def make_batch(model: EmbeddingModel, examples: Sequence[Example], chunks: Chunks | None = None) -> Batch:
    """A batch of ``examples``; a document that several of them share is encoded once.

    Inputs of similar length are encoded together, so that little is padding; which inputs a batch has does not depend
    on their lengths.

    :param chunks: The most that is encoded together.
    """
    documents = {one.id: one.content for example in examples for one in (*example.positives, *example.negatives)}
    contents: list[ModelInput] = [*(example.query for example in examples), *documents.values()]
    lengths = [model.length(content) for content in contents]
    groups = list((chunks or Chunks()).split(length_groups(lengths), lengths))
    return Batch(
        tuple(example.ids() for example in examples),
        tuple(documents),
        tuple(tuple(group) for group in groups),
        tuple(model.prepare([contents[row] for row in group]) for group in groups),
        sum(lengths),
        tuple(len(group) * max(lengths[row] for row in group) for group in groups),
    )


def batch_loss(
    model: EmbeddingModel, batch: Batch, loss: Matryoshka, against: NegativeScope, accelerator: Any
) -> torch.Tensor:
    """Loss of the whole step, over the batches of all devices; a scalar on this device."""
    with accelerator.autocast():
        pieces = [model.embed(inputs) for inputs in batch.inputs]
    return loss_over_devices(in_order(pieces, batch, model), batch, loss, against, accelerator)


def loss_over_devices(
    vectors: torch.Tensor, batch: Batch, loss: Matryoshka, against: NegativeScope, accelerator: Any
) -> torch.Tensor:
    """Loss of the whole step, computed in float32.

    :param vectors: Vectors of this device's queries, then documents, [inputs, dim].
    """
    count = len(batch.listed)
    queries = gather_vectors(accelerator, vectors[:count].float())
    documents = gather_vectors(accelerator, vectors[count:].float())
    targets = label_masks(
        gather_lists(accelerator, batch.listed), gather_lists(accelerator, batch.documents), against
    ).to(vectors.device)
    return loss(queries, documents, targets)


def in_order(pieces: Sequence[torch.Tensor], batch: Batch, model: EmbeddingModel) -> torch.Tensor:
    """Vectors of queries, then documents, float32 [inputs, dim], from those of each group."""
    import torch

    if not pieces:  # a device without rows of the last, smaller batch
        return torch.zeros((0, model.dim), device=next(model.module.parameters()).device)
    joined = torch.cat(list(pieces))
    places = torch.empty(len(joined), dtype=torch.int64)
    places[[row for group in batch.groups for row in group]] = torch.arange(len(joined))
    return joined[places.to(joined.device)]


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
