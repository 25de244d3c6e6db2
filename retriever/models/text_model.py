"""A sentence encoder of transformers: texts to unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.models.batching import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, batches
from nyxqa.retriever.models.checkpoints import load_errors, resolve_revision
from nyxqa.retriever.models.packing import PackedNetwork, packed_batches, packs
from nyxqa.schemas.errors import WorldError

if TYPE_CHECKING:
    import torch


class TextModel:
    """A checkpoint on one device.

    :param model: Name on the Hub or path of a folder.
    :param revision: Its commit, tag or branch on the Hub.
    :param device: Torch name of the device.
    :param max_tokens: Maximum number of tokens of a text.
    :param dtype: Torch type of the weights; float32 if None.
    :raises WorldError: If it cannot be loaded.
    """

    def __init__(self, model: str, revision: str | None, device: str, max_tokens: int, dtype: Any = None) -> None:
        self._tokenizer, self._network = _load(model, revision, dtype)
        self._network.to(device).eval()
        self._device = device
        positions = getattr(self._network.config, "max_position_embeddings", max_tokens)
        self._max_tokens = min(max_tokens, self._tokenizer.model_max_length, positions)
        self._budget = CPU_BATCH_TOKENS if device == "cpu" else GPU_BATCH_TOKENS
        self.dimensions: int = self._network.config.hidden_size
        self._packed = PackedNetwork(self._network) if device == "cpu" and packs(self._network) else None

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, float32 [texts, dimensions]: mean of the last layer over the tokens of each text.

        A text that occurs twice is computed once.

        :raises WorldError: If the model returns numbers that are not finite.
        """
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        vectors = self._distinct(list(places))
        return vectors if len(places) == len(texts) else vectors[[places[text] for text in texts]]

    def _distinct(self, texts: list[str]) -> npt.NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self._tokenizer(
            texts, truncation=True, max_length=self._max_tokens, padding=False, return_attention_mask=False
        )["input_ids"]
        lengths = [len(row) for row in tokens]
        for rows in batches(lengths, self._budget) if self._packed is None else packed_batches(lengths):
            vectors[rows] = self._embed([tokens[row] for row in rows])
        if not np.isfinite(vectors).all():
            raise WorldError(
                f"model on {self._device} returned vectors that are not finite; its weights may be damaged"
            )
        return vectors

    def _embed(self, tokens: list[list[int]]) -> npt.NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            means = self._padded_means(tokens) if self._packed is None else self._packed.means(tokens)
            unit: npt.NDArray[np.float32] = torch.nn.functional.normalize(means, dim=-1).float().cpu().numpy()
        return unit

    def _padded_means(self, tokens: list[list[int]]) -> torch.Tensor:
        import torch

        longest = max(1, *map(len, tokens))
        ids = np.full((len(tokens), longest), self._tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, numbers in enumerate(tokens):
            ids[row, : len(numbers)] = numbers
            mask[row, : len(numbers)] = 1
        attention = torch.from_numpy(mask).to(self._device)
        states = self._network(input_ids=torch.from_numpy(ids).to(self._device), attention_mask=attention)[0].float()
        weights = attention.unsqueeze(-1).to(states.dtype)
        means: torch.Tensor = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
        return means


def _load(model: str, revision: str | None, dtype: Any) -> tuple[Any, Any]:
    """Tokenizer and network."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    commit = None if Path(model).is_dir() else resolve_revision(model, revision)
    with load_errors(model):
        tokenizer = AutoTokenizer.from_pretrained(model, revision=commit or "main")
        network = AutoModel.from_pretrained(model, revision=commit or "main", dtype=dtype or torch.float32)
    return tokenizer, network
