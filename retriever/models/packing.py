"""Texts of a batch one behind another, without padding: every layer works on tokens alone, attention on each text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.models.attention import attention_in_groups

if TYPE_CHECKING:
    import torch
    from torch import nn

_NAME = "nyxqa_packed"
# Kinds of networks of transformers whose tokens meet in attention alone and that take positions, and whether these
# begin behind the number of the padding token.
_KINDS = {"bert": False, "roberta": True, "xlm-roberta": True, "camembert": True}
# Tokens of a batch: what its widest layer computes then stays in a core's cache. Bytes of vectors depend on it.
PACKED_TOKENS = 2_048

Runs = Sequence[tuple[int, int]]

# Rows of a product are a multiple of it: oneDNN compiles a kernel for each number of rows, which takes milliseconds.
_ROWS = 64


class PackedNetwork:
    """A text encoder on the CPU that is given texts without padding.

    :param network: Of a kind that ``packs``; it takes packed texts alone from now on.
    """

    def __init__(self, network: Any) -> None:
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        ALL_ATTENTION_FUNCTIONS.register(_NAME, _attend)
        network.config._attn_implementation = _NAME
        use_onednn(network)
        self._network = network
        self._padding = network.config.pad_token_id or 0
        self._first = self._padding + 1 if _KINDS[network.config.model_type] else 0

    def means(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Mean of the last layer over the tokens of each text, float32 [texts, width].

        :param tokens: Texts, those of equal length together; the mean of one without tokens is zero.
        """
        import torch

        lengths = [len(text) for text in tokens]
        spare = -sum(lengths) % _ROWS  # a text of padding tokens behind the others
        padded = [*tokens, [self._padding] * spare]
        lengths.append(spare)
        ids = torch.tensor([number for text in padded for number in text])
        starts = [torch.arange(self._first, self._first + length) for length in lengths[:-1]]
        places = torch.cat([*starts, torch.full((spare,), self._first)])
        runs = [(len(list(equal)), length) for length, equal in groupby(lengths)]
        if not len(ids):
            return torch.zeros(len(tokens), self._network.config.hidden_size)
        states = self._network(input_ids=ids[None], position_ids=places[None], runs=runs)[0][0].float()
        sums = [
            states[piece].reshape(*shape, states.shape[1]).sum(dim=1) / max(1, shape[1])
            for piece, shape in _pieces(runs)
        ]
        return torch.cat(sums)[: len(tokens)]


def packs(network: Any) -> bool:
    """Whether ``PackedNetwork`` gives the vectors that ``network`` gives."""
    config = network.config
    plain = getattr(config, "position_embedding_type", None) in (None, "absolute")
    return config.model_type in _KINDS and plain and not getattr(config, "is_decoder", False)


def packed_batches(lengths: Sequence[int], budget: int = PACKED_TOKENS) -> Iterator[list[int]]:
    """Rows in batches of at most ``budget`` tokens, or of one row; longest first, equal lengths together."""
    batch: list[int] = []
    total = 0
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batch and total + lengths[row] > budget:
            yield batch
            batch, total = [], 0
        batch.append(row)
        total += lengths[row]
    if batch:
        yield batch


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    runs: Runs,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of tokens to those of their own text, all texts of one length at once.

    :param query: [1, heads, tokens, width], as ``key`` and ``value``.
    :param runs: How many texts of which length follow each other.
    :returns: States [1, tokens, heads, width], and no weights.
    """
    import torch

    whole = [states[0].transpose(0, 1) for states in (query, key, value)]
    parts = [
        attention_in_groups([states[piece].reshape(*shape, *states.shape[1:]) for states in whole], scaling, dropout)
        for piece, shape in _pieces(runs)
        if shape[1]
    ]
    return torch.cat(parts)[None], None


def _pieces(runs: Runs) -> Iterator[tuple[slice, tuple[int, int]]]:
    """Place of the tokens of each run, and their shape: texts, length."""
    start = 0
    for count, length in runs:
        yield slice(start, start + count * length), (count, length)
        start += count * length


def use_onednn(network: nn.Module) -> None:
    """Let the linear layers of ``network`` compute by oneDNN, where torch was built with it and weights are float32.

    On a CPU it multiplied 6 to 14 % faster than the BLAS that torch calls (AMD EPYC).
    """
    import torch
    from torch import nn

    class OneDnnLinear(nn.Module):  # within the function, since torch loads slowly and few processes need it
        def __init__(self, linear: nn.Linear) -> None:
            super().__init__()
            self._weight = linear.weight.detach().to_mkldnn()
            self._bias = None if linear.bias is None else linear.bias.detach()

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(states, self._weight, self._bias, "none", [], "")
            return product

    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear and child.weight.dtype == torch.float32:
                setattr(module, name, OneDnnLinear(child))
