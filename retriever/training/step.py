"""One training step: a batch of examples through the model and the loss."""

from __future__ import annotations

from collections.abc import Sequence
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
class Batch:
    """A device's part of a step, ready for the model.

    :param listed: Ids that each query refers to.
    :param documents: Ids of the documents, each once.
    :param groups: Positions of the inputs (queries, then documents) that are encoded together.
    :param inputs: Tensors of each group.
    :param tokens: About how many tokens all inputs cost.
    """

    listed: tuple[NamedIds, ...]
    documents: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    inputs: tuple[Tensors, ...]
    tokens: int


def make_batch(model: EmbeddingModel, examples: Sequence[Example]) -> Batch:
    """A batch of ``examples``; a document that several of them share is encoded once."""
    documents = {one.id: one.content for example in examples for one in (*example.positives, *example.negatives)}
    contents: list[ModelInput] = [*(example.query for example in examples), *documents.values()]
    lengths = [model.length(content) for content in contents]
    groups = length_groups(lengths)
    return Batch(
        tuple(example.ids() for example in examples),
        tuple(documents),
        tuple(tuple(group) for group in groups),
        tuple(model.prepare([contents[row] for row in group]) for group in groups),
        sum(lengths),
    )


def batch_loss(
    model: EmbeddingModel, batch: Batch, loss: Matryoshka, against: NegativeScope, accelerator: Any
) -> torch.Tensor:
    """Loss of the whole step, over the batches of all devices; a scalar on this device."""
    vectors = _embedded(model, batch)
    count = len(batch.listed)
    queries = gather_vectors(accelerator, vectors[:count])
    documents = gather_vectors(accelerator, vectors[count:])
    targets = label_masks(
        gather_lists(accelerator, batch.listed), gather_lists(accelerator, batch.documents), against
    ).to(vectors.device)
    return loss(queries, documents, targets)


def _embedded(model: EmbeddingModel, batch: Batch) -> torch.Tensor:
    """Vectors of queries, then documents, float32 [inputs, dim]."""
    import torch

    order = [row for group in batch.groups for row in group]
    if not order:  # a device without rows of the last, smaller batch
        return torch.zeros((0, model.dim), device=next(model.module.parameters()).device)
    pieces = torch.cat([model.embed(inputs) for inputs in batch.inputs])
    places = torch.empty(len(order), dtype=torch.int64)
    places[order] = torch.arange(len(order))
    return pieces[places.to(pieces.device)]
