"""The settings of a training run, and the learning rate of each step."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from nyxqa.retriever.training.batches import Mixing
from nyxqa.retriever.training.devices import Precision
from nyxqa.retriever.training.label_masks import NegativeScope
from nyxqa.schemas.errors import UsageError

# As in the Nyx code, except for the batch size, which is that of many GPUs there.
BATCH = 32
LEARNING_RATE = 1e-5
WARMUP = 0.05
CLIP = 5.0

Schedule = Literal["linear", "cosine", "constant"]
_CHOICES = {"against": NegativeScope, "mixing": Mixing, "schedule": Schedule, "precision": Precision}


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained; equal settings, rows and machine give equal weights.

    :param dims: Prefix lengths; the method's four if empty.
    :param weights: Weight of the loss at each prefix.
    :param temperature: Divisor of the cosines.
    :param against: Negatives of a query: all documents of the batch (all), other positives and its own hard negatives
        (own), its own hard negatives alone (triplet).
    :param epochs: Passes over the rows.
    :param max_steps: Maximum number of steps; the rate falls to zero at that step.
    :param batch_size: Rows of a step, over all devices.
    :param chunk: Most queries and documents that a device embeds with a graph at a time; chosen by itself if None.
    :param mixing: Whether the rows of a batch are of one dataset or of any.
    :param negatives: Maximum number of hard negatives of a row; drawn again each epoch.
    :param learning_rate: Rate at the end of warm-up.
    :param warmup: Share of the steps with a rising rate.
    :param schedule: How the rate falls after it.
    :param weight_decay: Of AdamW.
    :param clip: Maximum norm of the gradients.
    :param precision: Arithmetic of the forward pass; ``auto`` is bf16 on a GPU that has it.
    :param checkpoint_steps: Steps between checkpoints; one is also written at the end.
    :param keep: Number of checkpoints to retain.
    """

    epochs: int = 1
    batch_size: int = BATCH
    chunk: int | None = None
    mixing: Mixing = "dataset"
    negatives: int = 1
    learning_rate: float = LEARNING_RATE
    dims: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    temperature: float = 0.02
    against: NegativeScope = "all"
    max_steps: int | None = None
    warmup: float = WARMUP
    schedule: Schedule = "linear"
    weight_decay: float = 0.0
    clip: float = CLIP
    precision: Precision = "auto"
    checkpoint_steps: int = 100
    keep: int = 2
    seed: int = 42

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "chunk", "checkpoint_steps", "keep", "max_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; it must be at least 1")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.negatives < 0 or self.weight_decay < 0:
            raise UsageError("negatives and weight_decay must not be negative")
        if not 0 <= self.warmup < 1:
            raise UsageError(f"warmup is {self.warmup}; it is a share of the steps, at least 0 and below 1")
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                raise UsageError(f"{name} {getattr(self, name)!r} is not one of {', '.join(get_args(kind))}")

    def digest(self, model: str, rows: bytes, processes: int) -> str:
        """Digest of what a resumed run must share with the interrupted one.

        :param rows: Keys of the rows, in order.
        """
        value = asdict(self)
        for name in ("checkpoint_steps", "keep"):
            value.pop(name)
        text = json.dumps([value, model, hashlib.sha256(rows).hexdigest(), processes], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def default_settings(spec: str) -> TrainSettings:
    """The default settings of a model.

    ``tiny`` is not pretrained: it needs a hundred times the rate of a pretrained model, and more epochs.
    """
    settings = TrainSettings()
    if spec.partition(":")[0] == "tiny":
        return replace(settings, epochs=5, learning_rate=1e-3, temperature=0.05)
    return settings


def learning_rate(step: int, steps: int, peak: float, warmup: float, schedule: Schedule = "linear") -> float:
    """Rate of ``step`` (from 0): linear warm-up to ``peak``, then as ``schedule`` says, to zero after the last step.

    :param steps: Steps of the whole run.
    :param warmup: Share of the steps that warm up, rounded up.
    """
    rising = math.ceil(steps * warmup)
    if step < rising:
        return peak * (step + 1) / rising
    left = (steps - step) / (steps - rising)
    if schedule == "constant":
        return peak
    if schedule == "cosine":
        return peak * (1 - math.cos(math.pi * left)) / 2
    return peak * left
