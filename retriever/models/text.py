"""A sentence encoder of transformers: texts in, unit vectors out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.errors import WorldError, one_line
from nyxqa.schemas.writing import file_hash

# Tokens of a batch, padding included. On two CPU cores 2,048 encoded fastest; a GPU needs more to
# be busy. Part of what decides the bytes of vectors on a kind of machine, hence no parameter.
CPU_BATCH_TOKENS = 2_048
GPU_BATCH_TOKENS = 16_384

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
# Files of a checkpoint folder that decide vectors; a card or a training log does not.
_CHECKPOINT_SUFFIXES = {".json", ".txt", ".model", ".safetensors", ".bin", ".jinja"}


def devices() -> list[str]:
    """Torch names of all GPUs, else of the one accelerator or the processor."""
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else ["cpu"]


def checkpoint_fingerprint(model: str, revision: str | None) -> str:
    """Hash of a folder's files, or name and commit of a model on the Hub.

    :raises WorldError: If the folder holds no checkpoint, or the Hub cannot say which commit ``revision`` is.
    """
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{resolve_revision(model, revision)}"
    files = sorted(path for path in folder.iterdir() if path.suffix in _CHECKPOINT_SUFFIXES and path.is_file())
    if not files:
        raise WorldError(f"{model} holds no model: no file with a name in {sorted(_CHECKPOINT_SUFFIXES)}")
    content = "".join(f"{path.name} {file_hash(path)}\n" for path in files)
    return hashlib.sha256(content.encode()).hexdigest()


def resolve_revision(model: str, revision: str | None) -> str:
    """The commit of ``revision`` (default: the main branch) of a model on the Hub; a full commit needs no network.

    :raises WorldError: If the Hub does not answer or has no such model.
    """
    if revision is not None and _COMMIT.match(revision):
        return revision
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        return str(HfApi().model_info(model, revision=revision).sha)
    except (httpx2.HTTPError, HFValidationError, OSError) as error:
        raise WorldError(
            f"cannot find out the commit of model {model!r}, which is no folder here either: {one_line(error, 300)}; "
            "name a folder, or a commit that is in the cache: MODEL@COMMIT"
        ) from error


class TextModel:
    """A checkpoint on one device.

    :param model: Name on the Hub or path of a folder.
    :param revision: What of it on the Hub.
    :param device: Torch name of the device.
    :param max_tokens: Where texts are cut.
    :raises WorldError: If it cannot be loaded.
    """

    def __init__(self, model: str, revision: str | None, device: str, max_tokens: int) -> None:
        self._tokenizer, self._network = _load(model, revision)
        self._network.to(device).eval()
        self._device = device
        positions = getattr(self._network.config, "max_position_embeddings", max_tokens)
        self._max_tokens = min(max_tokens, self._tokenizer.model_max_length, positions)
        self._budget = CPU_BATCH_TOKENS if device == "cpu" else GPU_BATCH_TOKENS
        self.dimensions: int = self._network.config.hidden_size

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, float32 [texts, dimensions]: mean of the last layer over the tokens of each text.

        :raises WorldError: If the model gives numbers that are not finite.
        """
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self._tokenizer(
            list(texts), truncation=True, max_length=self._max_tokens, padding=False, return_attention_mask=False
        )["input_ids"]
        for rows in batches([len(row) for row in tokens], self._budget):
            vectors[rows] = self._embed([tokens[row] for row in rows])
        if not np.isfinite(vectors).all():
            raise WorldError(f"model on {self._device} gives vectors that are not finite; its weights may be damaged")
        return vectors

    def _embed(self, tokens: list[list[int]]) -> npt.NDArray[np.float32]:
        import torch

        longest = max(1, *map(len, tokens))
        ids = np.full((len(tokens), longest), self._tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, numbers in enumerate(tokens):
            ids[row, : len(numbers)] = numbers
            mask[row, : len(numbers)] = 1
        with torch.inference_mode():
            attention = torch.from_numpy(mask).to(self._device)
            states = self._network(input_ids=torch.from_numpy(ids).to(self._device), attention_mask=attention)[0]
            weights = attention.unsqueeze(-1).to(states.dtype)
            means = (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
            unit: npt.NDArray[np.float32] = torch.nn.functional.normalize(means, dim=-1).float().cpu().numpy()
        return unit


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of like length, longest first; rows times the longest is at most ``budget``, or one row."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _load(model: str, revision: str | None) -> tuple[Any, Any]:
    """Tokenizer and float32 network."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        commit = None if Path(model).is_dir() else resolve_revision(model, revision)
        tokenizer = AutoTokenizer.from_pretrained(model, revision=commit or "main")
        network = AutoModel.from_pretrained(model, revision=commit or "main", dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise WorldError(f"cannot load model {model!r}: {one_line(error, 300)}") from error
    finally:
        if shown:
            logging.enable_progress_bar()
    return tokenizer, network
