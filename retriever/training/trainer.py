"""The trainer: trains a model in place on rows, with checkpoints and a log of metrics."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.batches import Plan, PlanRows, plan_rows, prefetched
from nyxqa.retriever.training.checkpoint import Checkpoints
from nyxqa.retriever.training.devices import once, same_weights, start_processes, sum_gradients
from nyxqa.retriever.training.examples import Example, Row, read_example
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.retriever.training.memory import chunk_tokens, graph_tokens, small
from nyxqa.retriever.training.metrics import METRICS, MetricsLog
from nyxqa.retriever.training.settings import TrainSettings, learning_rate
from nyxqa.retriever.training.step import Batch, Chunks, batch_loss, cached_gradients, make_batch
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.live import task

if TYPE_CHECKING:
    import torch

CHECKPOINTS = "checkpoints"

# Computes figures of the model for the log.
Evaluation = Callable[[EmbeddingModel], Mapping[str, Any]]


@dataclass(frozen=True)
class Trained:
    """Summary of a run.

    :param losses: Loss of every step, excluding those before the run was resumed.
    :param main: Whether this is the main process, which writes files.
    """

    steps: int
    losses: list[float]
    main: bool


def train(
    model: EmbeddingModel,
    rows: Sequence[Row | Example],
    settings: TrainSettings,
    folder: Path | None = None,
    *,
    resume: bool = False,
    evaluate: Evaluation | None = None,
    accelerator: Any = None,
) -> Trained:
    """Train ``model`` in place on joined rows.

    :param rows: As returned by ``nyxqa.load``; read step by step, once per epoch.
    :param folder: Folder of checkpoints and ``metrics.jsonl``; None writes nothing.
    :param resume: Continue from the last checkpoint in ``folder``, if there is one.
    :param evaluate: Called after each epoch, in every process; the figures of the main one are logged.
    :param accelerator: The ``Accelerator`` of this process; one is made if not given.
    :raises UsageError: If settings do not fit the model, ``folder`` holds a run that is not to be resumed, or
        accelerate is missing.
    :raises LawError: If a row has no positive, or a document is both positive and negative.
    :raises WorldError: If there are no rows, or the loss is not finite.
    """
    if not len(rows):
        raise WorldError("there are no rows to train on")
    run = _Run(model, rows, settings, folder, accelerator or start_processes(settings.precision), evaluate)
    return run.execute(resume)


def loss_of(settings: TrainSettings, dim: int) -> Matryoshka:
    """The loss of ``settings`` over vectors of length ``dim``.

    :raises UsageError: If prefix lengths and weights do not match each other or ``dim``.
    """
    if settings.weights and not settings.dims:
        raise UsageError("weights are set without dims; set the prefix lengths (dims) too")
    loss = (
        Matryoshka(settings.dims, settings.weights, settings.temperature)
        if settings.dims
        else Matryoshka.of(dim, settings.temperature)
    )
    loss.check_fits(dim)
    return loss


class _Run:
    """The state of a run."""

    def __init__(
        self,
        model: EmbeddingModel,
        rows: Sequence[Row | Example],
        settings: TrainSettings,
        folder: Path | None,
        accelerator: Any,
        evaluate: Evaluation | None,
    ) -> None:
        self.model, self.rows, self.settings = model, rows, settings
        self.folder, self.accelerator, self.evaluate = folder, accelerator, evaluate
        self.loss = loss_of(settings, model.dim)
        known: PlanRows = once(accelerator, lambda: plan_rows(rows))
        self.plan = Plan(known, settings.batch_size, settings.seed, settings.mixing)
        whole = settings.epochs * self.plan.steps()
        self.steps = min(whole, settings.max_steps or whole)
        model.module.to(accelerator.device)
        self.parameters = [one for one in model.module.parameters() if one.requires_grad]
        self.optimizer = self._optimizer()
        same_weights(accelerator, self.parameters)
        tokens = None if settings.chunk else chunk_tokens(accelerator.device)
        self.chunks = Chunks(settings.chunk, tokens)
        self.fitting: int | None = None

    def execute(self, resume: bool) -> Trained:
        """Run the remaining steps."""
        checkpoints = self._checkpoints()
        done = 0
        if checkpoints is not None and resume:
            done = checkpoints.restore(self.model.module, self.optimizer)
        elif checkpoints is not None and checkpoints.any():
            raise UsageError(
                f"{checkpoints.folder} holds a run; continue it with --resume or train into another folder"
            )
        first = self.accelerator.is_main_process
        log = MetricsLog(self.folder / METRICS, done) if self.folder is not None and first else None
        self.model.module.train()
        try:
            return Trained(self.steps, list(self._shown(done, checkpoints if first else None, log, first)), first)
        finally:
            self.model.module.eval()
            if log is not None:
                log.close()

    def _shown(
        self, done: int, checkpoints: Checkpoints | None, log: MetricsLog | None, first: bool
    ) -> Iterator[float]:
        """The losses of ``_steps``, with a bar for them in the process that reports."""
        steps = self._steps(done, checkpoints, log)
        if not first:
            yield from steps
            return
        with task("train", self.steps, "step") as bar:
            bar.advance(done)
            for step, value in enumerate(steps, start=done + 1):
                settings = self.settings
                rate = learning_rate(step - 1, self.steps, settings.learning_rate, settings.warmup, settings.schedule)
                epoch = min(-(-step // self.plan.steps()), settings.epochs)
                bar.note(f"epoch {epoch} of {settings.epochs}, loss {value:.2f}, lr {rate:.1g}")
                bar.advance()
                yield value

    def _steps(self, done: int, checkpoints: Checkpoints | None, log: MetricsLog | None) -> Iterator[float]:
        an_epoch = self.plan.steps()
        for step, batch in enumerate(prefetched(self._batches(done), self._prepare), start=done):
            started = time.perf_counter()
            value, norm, rate = self._step(step, batch)
            if log is not None:
                seconds = time.perf_counter() - started
                log.write(
                    step=step + 1,
                    epoch=round((step + 1) / an_epoch, 4),
                    loss=value,
                    learning_rate=rate,
                    gradient_norm=norm,
                    seconds=round(seconds, 4),
                    tokens=batch.tokens,
                )
            if (step + 1) % an_epoch == 0 or step + 1 == self.steps:
                self._evaluate(step + 1, log)
            if checkpoints is not None and ((step + 1) % self.settings.checkpoint_steps == 0 or step + 1 == self.steps):
                checkpoints.save(step + 1, self.model.module, self.optimizer)
            yield value

    def _step(self, step: int, batch: Batch) -> tuple[float, float, float]:
        """Loss, gradient norm before clipping, and learning rate."""
        import torch

        # Dropout is seeded by (seed, step, device), so a resumed run draws the same numbers as an uninterrupted one.
        torch.manual_seed(keyed_hash(self.settings.seed, "step", f"{step}/{self.accelerator.process_index}") % 2**63)
        settings = self.settings
        rate = learning_rate(step, self.steps, settings.learning_rate, settings.warmup, settings.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        value = self._gradients(batch)
        if not math.isfinite(value):
            raise WorldError(f"the loss of step {step + 1} is {value}; lower the learning rate")
        sum_gradients(self.accelerator, self.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip)
        self.optimizer.step()
        return value, float(norm), rate

    def _gradients(self, batch: Batch) -> float:
        """Loss of the step; this device's share of the gradients is added to the weights'.

        :raises WorldError: If a chunk does not fit into the memory of the GPU.
        """
        import torch

        arguments = (self.model, batch, self.loss, self.settings.against, self.accelerator)
        try:
            if self._exceeds(batch):
                return float(cached_gradients(*arguments))
            loss = batch_loss(*arguments)
            loss.backward()  # type: ignore[no-untyped-call]
            return float(loss.detach())
        except torch.OutOfMemoryError as error:
            longest = max(batch.padded, default=0)
            raise WorldError(
                f"a chunk of {longest} tokens does not fit into the GPU's memory; pass a smaller --chunk, train with "
                "gradient checkpointing, or lower --max-pixels"
            ) from error

    def _exceeds(self, batch: Batch) -> bool:
        """Whether the graphs of the whole batch are too many at once: above the chunk, or above what fits."""
        if self.settings.chunk is not None:
            return batch.size > self.settings.chunk
        padded = sum(batch.padded)
        if padded <= small(self.accelerator.device):
            return False
        if self.fitting is None:
            self.fitting = graph_tokens(self.model, batch, self.accelerator)
        return padded > self.fitting

    def _evaluate(self, step: int, log: MetricsLog | None) -> None:
        if self.evaluate is None:
            return
        values = dict(self.evaluate(self.model))
        if log is not None:
            log.write(step=step, evaluation=values)

    def _batches(self, done: int) -> Iterator[tuple[int, list[int]]]:
        """Epoch and this device's rows of each step after ``done``."""
        an_epoch = self.plan.steps()
        rank, devices = self.accelerator.process_index, self.accelerator.num_processes
        for epoch in range(done // an_epoch, self.settings.epochs):
            first = max(done - epoch * an_epoch, 0)
            last = min(self.steps - epoch * an_epoch, an_epoch)
            for batch in islice(self.plan.epoch(epoch), first, max(first, last)):
                yield epoch, self.plan.share(batch, rank, devices)

    def _prepare(self, part: tuple[int, list[int]]) -> Batch:
        epoch, rows = part
        settings = self.settings
        examples = [read_example(self.rows[row]).sampled(settings.negatives, settings.seed, epoch) for row in rows]
        return make_batch(self.model, examples, self.chunks)

    def _optimizer(self) -> torch.optim.Optimizer:
        import torch

        if not self.parameters:
            raise UsageError(f"model {self.model.name} has nothing to train: no parameter requires a gradient")
        settings = self.settings
        return torch.optim.AdamW(self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def _checkpoints(self) -> Checkpoints | None:
        if self.folder is None:
            return None
        digest = self.settings.digest(self.model.name, self.plan.rows.keys.tobytes(), self.accelerator.num_processes)
        return Checkpoints(self.folder / CHECKPOINTS, digest, self.settings.keep)
