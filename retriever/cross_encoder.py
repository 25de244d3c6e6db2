"""``ce:MODEL``: a cross-encoder of transformers scores a query and a document read together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.dense import text_with_captions
from nyxqa.retriever.models.batching import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS, batches, devices
from nyxqa.retriever.models.checkpoints import (
    ModelName,
    checkpoint_fingerprint,
    checkpoint_folder,
    load_errors,
    parse_model,
)
from nyxqa.retriever.protocols import SearchEntry
from nyxqa.schemas.errors import UsageError, WorldError

# As most cross-encoders were trained: query and document together.
MAX_TOKENS = 512
_VERSION = 1

NAMES = ("ce:MODEL[@REVISION]",)


class CrossEncoder:
    """A checkpoint for sequence classification; it reads text and captions, the document is cut where it is too long.

    :param model: The checkpoint, with one label (a score) or two (the second is relevance).
    """

    def __init__(self, model: ModelName) -> None:
        self.name = f"ce:{model.label}"
        self._model = model

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever scores would change."""
        checkpoint = checkpoint_fingerprint(self._model.model, self._model.revision)
        return f"ce/{_VERSION}/{checkpoint}/tokens={MAX_TOKENS}"

    def scores(self, query: SearchEntry, documents: Sequence[SearchEntry]) -> npt.NDArray[np.float64]:
        """A score for each document, float64 [documents]: higher is better.

        :raises WorldError: If the model cannot be loaded, has other labels, or returns numbers that are not finite.
        """
        found = np.empty(len(documents))
        if not documents:
            return found
        tokenizer, _ = self._loaded
        pairs = tokenizer(
            [text_with_captions(query)] * len(documents),
            [text_with_captions(one) for one in documents],
            truncation="longest_first",
            max_length=self._max_tokens,
            padding=False,
        )
        lengths = [len(ids) for ids in pairs["input_ids"]]
        budget = CPU_BATCH_TOKENS if self._device == "cpu" else GPU_BATCH_TOKENS
        for rows in batches(lengths, budget):
            found[rows] = self._logits({name: [values[row] for row in rows] for name, values in pairs.items()})
        if not np.isfinite(found).all():
            raise WorldError(f"{self.name} returned scores that are not finite; its weights may be damaged")
        return found

    def _logits(self, pairs: dict[str, list[list[int]]]) -> npt.NDArray[np.float64]:
        import torch

        tokenizer, network = self._loaded
        inputs = tokenizer.pad(pairs, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            logits = network(**inputs).logits.double().cpu().numpy()
        scores: npt.NDArray[np.float64] = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
        return scores

    @cached_property
    def _device(self) -> str:
        return devices()[0]

    @property
    def _max_tokens(self) -> int:
        tokenizer, network = self._loaded
        positions = getattr(network.config, "max_position_embeddings", MAX_TOKENS)
        return int(min(MAX_TOKENS, tokenizer.model_max_length, positions))

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and float32 network."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        folder = checkpoint_folder(self._model)
        with load_errors(folder.name):
            tokenizer = AutoTokenizer.from_pretrained(folder)
            network, report = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True
            )
        if report["missing_keys"]:
            raise WorldError(
                f"{self.name} is no cross-encoder: it lacks {len(report['missing_keys'])} weights, first "
                f"{sorted(report['missing_keys'])[0]}"
            )
        if network.config.num_labels not in (1, 2):
            raise WorldError(f"{self.name} has {network.config.num_labels} labels; a cross-encoder has one or two")
        return tokenizer, network.to(self._device).eval()


def make_reranker(spec: str) -> CrossEncoder:
    """The reranker that ``spec`` names; weights are loaded on first use.

    :raises UsageError: If the name is unknown.
    """
    kind, _, rest = spec.partition(":")
    if kind == "ce" and rest:
        return CrossEncoder(parse_model(rest, kind))
    raise UsageError(f"unknown reranker {spec!r}; valid names: {', '.join(NAMES)}")
