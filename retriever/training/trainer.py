"""The trainer: trains a model in place on rows, with checkpoints and a log of metrics."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.batches import Plan
from nyxqa.retriever.training.checkpoint import Checkpoints
from nyxqa.retriever.training.devices import sum_gradients
from nyxqa.retriever.training.examples import Example, Row, read_example
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.retriever.training.metrics import METRICS, MetricsLog
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.step import Batch, batch_loss, make_batch
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import UsageError, WorldError, missing_extra

if TYPE_CHECKING:
    import torch

Item = TypeVar("Item")
Ready = TypeVar("Ready")
_AHEAD = 2  # items prepared ahead


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
) -> Trained:
    """Train ``model`` in place on joined rows.

    :param rows: As returned by ``nyxqa.load``; read step by step, once per epoch.
    :param folder: Folder of checkpoints and ``metrics.jsonl``; None writes nothing.
    :param resume: Continue from the last checkpoint in ``folder``, if there is one.
    :param evaluate: Called after each epoch, in the main process.
    :raises UsageError: If settings do not fit the model, ``folder`` holds a run that is not to be resumed, or
        accelerate is missing.
    :raises LawError: If a row has no positive, or a document is both positive and negative.
    :raises WorldError: If there are no rows, or the loss is not finite.
    """
    if not len(rows):
        raise WorldError("there are no rows to train on")
    run = _Run(model, rows, settings, folder, _accelerator(settings), evaluate)
    return run.execute(resume)


def _accelerator(settings: TrainSettings) -> Any:
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise missing_extra("accelerate", "train") from error
    return Accelerator(mixed_precision=settings.precision)


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
        self.plan = self._plan()
        whole = settings.epochs * self.plan.steps()
        self.steps = min(whole, settings.max_steps or whole)
        model.module.to(accelerator.device)
        self.parameters = [one for one in model.module.parameters() if one.requires_grad]
        self.optimizer = self._optimizer()

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
            return Trained(self.steps, list(self._steps(done, checkpoints if first else None, log)), first)
        finally:
            self.model.module.eval()
            if log is not None:
                log.close()

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
        rate = learning_rate(step, self.steps, self.settings.learning_rate, self.settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        with self.accelerator.autocast():
            loss = batch_loss(self.model, batch, self.loss, self.settings.against, self.accelerator)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise WorldError(f"the loss of step {step + 1} is {value}; lower the learning rate")
        loss.backward()  # type: ignore[no-untyped-call]
        sum_gradients(self.accelerator, self.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        self.optimizer.step()
        return value, float(norm), rate

    def _evaluate(self, step: int, log: MetricsLog | None) -> None:
        if self.evaluate is None or not self.accelerator.is_main_process:
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
                yield epoch, batch[rank::devices]

    def _prepare(self, part: tuple[int, list[int]]) -> Batch:
        epoch, rows = part
        settings = self.settings
        examples = [read_example(self.rows[row]).sampled(settings.negatives, settings.seed, epoch) for row in rows]
        return make_batch(self.model, examples)

    def _plan(self) -> Plan:
        """The batches, from one pass over the rows for their datasets and lengths."""
        examples = (read_example(self.rows[row]) for row in range(len(self.rows)))
        measured = map(partial(_measured, self.model), examples)
        datasets, lengths, names = (list(column) for column in zip(*measured, strict=True))
        seen: Counter[str] = Counter()
        for row, name in enumerate(names):  # a mixture repeats rows; each copy has its own hash
            seen[name] += 1
            names[row] = f"{name}/{seen[name]}"
        size = self.settings.batch_size * self.accelerator.num_processes
        return Plan(datasets, lengths, names, size, self.settings.seed)

    def _optimizer(self) -> torch.optim.Optimizer:
        import torch

        if not self.parameters:
            raise UsageError(f"model {self.model.name} has nothing to train: no parameter requires a gradient")
        settings = self.settings
        return torch.optim.AdamW(self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def _checkpoints(self) -> Checkpoints | None:
        if self.folder is None:
            return None
        digest = self.settings.digest(self.model.name, self.plan.names, self.accelerator.num_processes)
        return Checkpoints(self.folder / CHECKPOINTS, digest, self.settings.keep)


def _measured(model: EmbeddingModel, example: Example) -> tuple[str, int, str]:
    """Dataset, length and name of a row."""
    length = model.length(example.query) + sum(model.length(one.content) for one in example.positives)
    return example.dataset, length, f"{example.dataset}/{example.id}"


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Rate of ``step`` (from 0): linear warm-up to ``peak``, then linear decay to zero after the last step.

    :param steps: Steps of the whole run.
    :param warmup: Share of the steps that warm up, rounded up.
    """
    rising = math.ceil(steps * warmup)
    if step < rising:
        return peak * (step + 1) / rising
    return peak * (steps - step) / (steps - rising)


def prefetched(items: Iterable[Item], prepare: Callable[[Item], Ready]) -> Iterator[Ready]:
    """``prepare`` of each item, in order, two items ahead in one thread; errors are raised at their item.

    Image decoding and tokenization mostly release the GIL.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    waiting: list[Future[Ready]] = []
    try:
        for item in items:
            waiting.append(pool.submit(prepare, item))
            if len(waiting) > _AHEAD:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        pool.shutdown(cancel_futures=True)
