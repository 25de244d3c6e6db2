"""The weights of ``tiny``."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import nn

from nyxqa.retriever.models.tiny_features import BUCKETS, KINDS, WIDTH

ROLES = ("query", "document")
QUERY = 0

# Images of an input beyond this many share a position (Nyx paper: at most five images a document).
_PLACES = 8
# Initial spread of image positions: enough to encode order, too little to hide that two images are equal.
_PLACE_SPREAD = 0.1
# Initial weights of a word, a pair of words and a character n-gram: n-grams are many and carry little.
_KIND_WEIGHTS = (1.0, 1.0, 0.3)
# Learning-rate multiplier of the feature weights: each occurs rarely, and what is learned of a feature transfers to
# new rows.
_IMPORTANCE_RATE = 3.0


class TinyModule(nn.Module):
    """Sum of weighted directions of text features, plus projected images; a query's vector is mapped once more.

    Only queries are mapped: a map of both sides could rescale a shared direction but not cancel it, so the model would
    match shared words however wrong its training rows are.

    :param dim: Length of a vector.
    :param seed: Of the fixed directions and of the first image projection.
    """

    directions: torch.Tensor

    def __init__(self, dim: int, seed: int) -> None:
        super().__init__()
        self.register_buffer("directions", _text_directions(seed, dim), persistent=False)
        self.importance = nn.Parameter(torch.zeros(BUCKETS))
        self.kinds = nn.Parameter(torch.tensor(_KIND_WEIGHTS[: len(KINDS)]).log())
        self.project = nn.Parameter(torch.from_numpy(_directions(seed, "image", WIDTH, dim)))
        spread = _directions(seed, "place", _PLACES, dim) * np.float32(np.sqrt(dim) * _PLACE_SPREAD)
        self.places = nn.Parameter(1 + torch.from_numpy(spread))
        # One gate for images of a query, one for those of a document.
        self.gates = nn.Parameter(torch.zeros(2))
        self.turn = nn.Parameter(torch.zeros(dim, dim))

    def forward(
        self,
        buckets: torch.Tensor,
        kinds: torch.Tensor,
        amounts: torch.Tensor,
        counts: torch.Tensor,
        images: torch.Tensor,
        image_owners: torch.Tensor,
        ordinals: torch.Tensor,
        roles: torch.Tensor,
    ) -> torch.Tensor:
        """Vectors, float32 [inputs, dim]."""
        contents = len(counts)
        weights = amounts * (_IMPORTANCE_RATE * self.importance[buckets] + self.kinds[kinds]).exp()
        starts = counts.cumsum(0) - counts
        text = nn.functional.embedding_bag(
            buckets, self.directions, starts, mode="sum", per_sample_weights=weights, include_last_offset=False
        )
        text = text / (text.norm(dim=1, keepdim=True) + 1)
        seen = images @ self.project * self.places[ordinals.clamp(max=_PLACES - 1)]
        shown = torch.zeros_like(text).index_add(0, image_owners, seen)
        numbers = torch.bincount(image_owners, minlength=contents).clamp(min=1)
        shown = shown / numbers.sqrt()[:, None] * self.gates.exp()[roles][:, None]
        mixed = text + shown
        turned = mixed @ self.turn
        vectors: torch.Tensor = mixed + turned * (roles == QUERY)[:, None]
        return vectors


@lru_cache(maxsize=2)
def _text_directions(seed: int, dim: int) -> torch.Tensor:
    """Directions of all buckets, float32 [buckets, dim]; never written to, so all models of a seed share one copy."""
    return torch.from_numpy(_directions(seed, "text", BUCKETS, dim))


def _directions(seed: int, what: str, rows: int, dim: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Random signs over the root of ``dim``, float32 [rows, dim]: rows have length 1 and hardly overlap.

    Raw bits of a counter-based generator, which no version of a library draws otherwise.
    """
    key = int.from_bytes(f"{what}{seed}".encode(), "big") % 2**64
    bits = np.random.Philox(key=key).random_raw(rows * dim // 64 + 1).view(np.uint8)
    signs = np.unpackbits(bits, bitorder="little")[: rows * dim].reshape(rows, dim)
    return (signs.astype(np.float32) * 2 - 1) / np.float32(np.sqrt(dim))
