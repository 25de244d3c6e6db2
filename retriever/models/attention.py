"""Attention of tokens to those of their own group, all groups of one length at once: texts, and windows of an image.

For a vision tower transformers calls the kernel once for each window unless flash-attn is installed: of an image of
400 tokens, 25 times in each layer. On an H200 a training step of Qwen2.5-VL-3B's shape then reached 2 % of its peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# transformers hands the windows' borders only to implementations with "flash" in their name.
_NAME = "nyxqa_flash_windows"


def batch_windows(network: Any) -> None:
    """Let the vision tower of ``network`` attend to all its windows at once, if it takes borders of windows.

    Towers of other kinds, and those that use a flash-attn of their own, stay as they are.
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    config: Any = getattr(getattr(network, "visual", None), "config", None)
    if getattr(config, "window_size", None) and config._attn_implementation == "sdpa":
        ALL_ATTENTION_FUNCTIONS.register(_NAME, _attend)
        config._attn_implementation = _NAME


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    cu_seq_lens_q: torch.Tensor,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of patches to those of their own window.

    :param query: [1, heads, patches, width], as ``key`` and ``value``.
    :param cu_seq_lens_q: Borders of the windows, [windows + 1], from 0 to the number of patches.
    :returns: States [1, patches, heads, width], and no weights.
    """
    import torch

    whole = [states[0].transpose(0, 1) for states in (query, key, value)]
    places = _places(cu_seq_lens_q)
    pieces = [attention_in_groups([states[place] for states in whole], scaling, dropout) for place in places]
    order = torch.cat([place.flatten() for place in places])
    return torch.empty_like(whole[0]).index_copy(0, order, torch.cat(pieces))[None], None


def attention_in_groups(states: Sequence[torch.Tensor], scaling: float | None, dropout: float) -> torch.Tensor:
    """Attention of tokens to those of their own group, [groups * length, heads, width].

    :param states: Queries, keys and values, each [groups, length, heads, width].
    """
    from torch.nn.functional import scaled_dot_product_attention

    q, k, v = (one.transpose(1, 2) for one in states)
    found = scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scaling)
    return found.transpose(1, 2).flatten(0, 1)


@lru_cache(maxsize=4)  # all layers of a pass share two tensors; reading their lengths waits for the GPU
def _places(borders: torch.Tensor) -> list[torch.Tensor]:
    """Places of patches, [windows, length], for each length of windows."""
    import torch

    starts, lengths = borders[:-1], borders.diff()
    kinds = torch.unique(lengths[lengths > 0]).tolist()
    steps = torch.arange(max(kinds, default=0), device=borders.device)
    return [starts[lengths == length][:, None] + steps[:length] for length in kinds]
