"""Matryoshka InfoNCE (Nyx paper): the contrast of positives with negatives at several prefix lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nyxqa.schemas.errors import UsageError

if TYPE_CHECKING:
    import torch

    from nyxqa.retriever.training.label_masks import LabelMasks

# As in the Nyx code.
TEMPERATURE = 0.02
# As in the Nyx code: prefixes of 1, 1/2, 1/4 and 1/8 of the vector, weighted 1, 1, .2 and .2; here they sum to one.
_SHARES = (1, 2, 4, 8)
_RATIOS = (1.0, 1.0, 0.2, 0.2)
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Matryoshka:
    """Prefix lengths of a vector, the weight of the loss at each, and the temperature.

    :param dims: Prefix lengths, each once.
    :param weights: One weight per prefix, non-negative, summing to one.
    :param temperature: Divisor of the cosines.
    :raises UsageError: If a value is out of range.
    """

    dims: tuple[int, ...]
    weights: tuple[float, ...]
    temperature: float = TEMPERATURE

    def __post_init__(self) -> None:
        if not self.dims or len(set(self.dims)) < len(self.dims) or min(self.dims) < 1:
            raise UsageError(f"prefix lengths {list(self.dims)} must be positive and differ; give at least one")
        if len(self.weights) != len(self.dims):
            raise UsageError(f"{len(self.weights)} weights for {len(self.dims)} prefix lengths; give one for each")
        if not all(math.isfinite(weight) and weight >= 0 for weight in self.weights):
            raise UsageError(f"weights {list(self.weights)} of the prefix lengths must not be negative")
        if abs(sum(self.weights) - 1) > _TOLERANCE:
            total = sum(self.weights)
            raise UsageError(f"weights {list(self.weights)} of the prefix lengths sum to {total:g}; they must sum to 1")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise UsageError(f"temperature {self.temperature} must be above 0")

    @classmethod
    def of(cls, dim: int, temperature: float = TEMPERATURE) -> Matryoshka:
        """The method's four prefixes of a vector of length ``dim``, fewer where ``dim`` is not divisible."""
        fitting = [(dim // share, ratio) for share, ratio in zip(_SHARES, _RATIOS, strict=True) if dim % share == 0]
        total = sum(ratio for _, ratio in fitting)
        return cls(tuple(dim for dim, _ in fitting), tuple(ratio / total for _, ratio in fitting), temperature)

    def check_fits(self, dim: int) -> None:
        """Raise unless every prefix lies within a vector of length ``dim``.

        :raises UsageError: Naming the longest prefix.
        """
        if max(self.dims) > dim:
            raise UsageError(f"prefix length {max(self.dims)} exceeds the model's vectors of length {dim}")

    def __call__(self, queries: torch.Tensor, documents: torch.Tensor, targets: LabelMasks) -> torch.Tensor:
        """The weighted sum over the prefixes of the mean over queries; scalar.

        :param queries: Float [queries, dim], not normalised.
        :param documents: Float [documents, dim], not normalised.
        """
        self.check_fits(queries.shape[1])
        losses = [
            weight * _info_nce(queries[:, :dim], documents[:, :dim], targets, self.temperature)
            for dim, weight in zip(self.dims, self.weights, strict=True)
        ]
        total = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total


def _info_nce(queries: torch.Tensor, documents: torch.Tensor, targets: LabelMasks, temperature: float) -> torch.Tensor:
    """Mean over queries of the mean over their positives of ``-log p(positive among it and the negatives)``.

    Other positives of a query are not part of a positive's denominator. A query without a negative in the batch has
    loss 0: there is nothing to contrast with.
    """
    import torch
    from torch.nn.functional import normalize

    scores = normalize(queries, dim=-1) @ normalize(documents, dim=-1).T / temperature
    # softplus(log-sum-exp of negatives - positive) is -log of the positive's share, numerically stable.
    against = scores.masked_fill(~targets.negatives, -math.inf)
    some = targets.negatives.any(dim=1)
    # A row of -inf only has no gradient, so it is replaced before and masked after.
    against = torch.where(some[:, None], against, torch.zeros_like(against)).logsumexp(dim=1)
    rows, columns = targets.positives.nonzero(as_tuple=True)
    each = torch.nn.functional.softplus(against[rows] - scores[rows, columns]) * some[rows]
    counts = targets.positives.sum(dim=1)
    return (each / counts[rows]).sum() / len(queries)
