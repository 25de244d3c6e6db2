"""The figures of a run on validation questions, encoded by all devices together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.encoders.bm25 import Bm25Encoder
from nyxqa.retriever.evaluation.evaluate import Scores
from nyxqa.retriever.evaluation.test_set import TestSet, read_test_set
from nyxqa.retriever.models.batching import BLOCK, encode_inputs
from nyxqa.retriever.protocols import EmbeddingModel, ModelInput
from nyxqa.retriever.training.devices import gather_vectors
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import find_published

Encode = Callable[[EmbeddingModel, Sequence[ModelInput]], npt.NDArray[np.float32]]
WATCHED = ("recall@1", "mrr")
BEFORE = "before training"
TRAINED = "trained"


def validation_set(data: Path, seed: int) -> TestSet | None:
    """The validation questions of a dataset; None if it has none."""
    if "validation" not in find_published(data, None, ("triplets", "corpus")).manifest.splits("triplets"):
        return None
    rows: Any = load("triplets", data, split="validation", images="bytes", max_negatives=0)
    return read_test_set(data, rows, seed)


def shared_encoding(accelerator: Any) -> Encode:
    """``encode_inputs`` over all devices: every process encodes some blocks of inputs and has the vectors of all.

    Blocks are those of one device, so that vectors do not depend on the number of devices.
    """
    count, rank = accelerator.num_processes, accelerator.process_index
    if count == 1:
        return encode_inputs

    def encode(model: EmbeddingModel, contents: Sequence[ModelInput]) -> npt.NDArray[np.float32]:
        import torch

        blocks = [range(start, min(start + BLOCK, len(contents))) for start in range(0, len(contents), BLOCK)]
        owned = [[row for block in blocks[one::count] for row in block] for one in range(count)]
        own = torch.from_numpy(encode_inputs(model, _Rows(contents, owned[rank]))).to(accelerator.device)
        vectors = np.empty((len(contents), model.dim), dtype=np.float32)
        vectors[[row for rows in owned for row in rows]] = gather_vectors(accelerator, own).cpu().numpy()
        return vectors

    return encode


class _Rows(Sequence[ModelInput]):
    """Some of ``contents``, read on access."""

    def __init__(self, contents: Sequence[ModelInput], rows: Sequence[int]) -> None:
        self._contents, self._rows = contents, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._contents[row] for row in self._rows[index]]
        return self._contents[self._rows[index]]


class EpochEvaluation:
    """Evaluates after each epoch on validation, at full vector length.

    :param test: The questions.
    :param dim: Length of a vector.
    :param encode: Encodes inputs.
    """

    def __init__(self, test: TestSet, dim: int, encode: Encode) -> None:
        self._test, self._dim, self._encode = test, dim, encode

    def __call__(self, model: EmbeddingModel) -> Mapping[str, float]:
        """The watched metrics."""
        (scores,) = self._test.model_scores(model, (self._dim,), encode=self._encode)
        return {metric: round(float(scores.values[metric].mean()), 6) for metric in WATCHED}


def model_scores(
    test: TestSet, before: EmbeddingModel, trained: EmbeddingModel, dims: Sequence[int], encode: Encode
) -> list[Scores]:
    """Scores of the model before and after training, computed by all devices."""
    return [
        *test.model_scores(before, dims, BEFORE, encode=encode),
        *test.model_scores(trained, dims, TRAINED, encode=encode),
    ]


def bm25_scores(test: TestSet) -> Scores:
    """Scores of bm25, computed by this process."""
    return test.encoder_scores(Bm25Encoder())
