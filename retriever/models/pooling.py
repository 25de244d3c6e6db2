"""One vector of many states."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from nyxqa.retriever.models.settings import Pooling


def pool(states: torch.Tensor, mask: torch.Tensor, how: Pooling) -> torch.Tensor:
    """Vectors [rows, dim], float32, of states [rows, tokens, dim], whichever side is filled up.

    :param mask: [rows, tokens], 1 for tokens, 0 for filling; at least one 1 a row.
    """
    import torch

    if how == "mean":
        weights = mask.unsqueeze(-1).float()
        return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    chosen = (mask * places).argmax(dim=1) if how == "last" else mask.argmax(dim=1)
    return states[torch.arange(len(states), device=states.device), chosen].float()
