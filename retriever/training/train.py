"""``nyxqa train``: trains a model on a dataset and writes its folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nyxqa.retriever.evaluation.bootstrap import Interval
from nyxqa.retriever.evaluation.evaluate import Line, Scores, gain, summarise
from nyxqa.retriever.evaluation.test_set import TestSet
from nyxqa.retriever.models.factory import load_model
from nyxqa.retriever.protocols import EmbeddingModel
from nyxqa.retriever.training.checkpoint import Checkpoints
from nyxqa.retriever.training.devices import end_processes, once, quiet_but_main, start_processes
from nyxqa.retriever.training.evaluation import (
    BEFORE,
    TRAINED,
    WATCHED,
    EpochEvaluation,
    bm25_scores,
    model_scores,
    shared_encoding,
    validation_set,
)
from nyxqa.retriever.training.metrics import METRICS
from nyxqa.retriever.training.model_card import CARD
from nyxqa.retriever.training.options import model_options, train_settings
from nyxqa.retriever.training.output import (
    CURVES,
    EVALUATION,
    adapter_settings,
    model_card,
    save_model,
    write_results,
)
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.trainer import CHECKPOINTS, loss_of, train
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.loading.load import load
from nyxqa.schemas.loading.published import find_published
from nyxqa.schemas.recipe_train import Train

_OURS = {METRICS, CHECKPOINTS, EVALUATION, CURVES, CARD, "improvement.json", "improvement.html"}
_BEFORE_CHECKPOINT = {METRICS, CHECKPOINTS}  # left by a run that was interrupted before its first checkpoint


@dataclass(frozen=True)
class TrainResult:
    """Result of a run.

    :param lines: Figures of BM25 and the model before and after training; empty without validation questions.
    :param gains: Gain of the trained model over the untrained one, by metric, paired by question.
    :param main: Whether this is the main process, the one that reports.
    :param last_loss: Loss of the last step; None if no step was run.
    :param usage: A command that uses the model.
    """

    folder: Path
    steps: int
    lines: tuple[Line, ...]
    gains: Mapping[str, Interval]
    main: bool = True
    last_loss: float | None = None
    usage: str = ""

    def text(self) -> str:
        """A few lines for a terminal; none in a process beside the main one."""
        if not self.main:
            return ""
        lines = [f"{self.folder} is ready after {self.steps} steps\n"]
        for metric, one in self.gains.items():
            lines.append(
                f"{metric}: {one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f}) over the model before training, "
                f"{one.count} questions\n"
            )
        last = "" if self.last_loss is None else f"last loss {self.last_loss:.2f}; "
        return "".join([*lines, f"{last}use: {self.usage}\n"] if self.usage else lines)


def train_on(
    data: Path,
    model: str,
    out: Path,
    stage: int = 1,
    resume: bool = False,
    overrides: Mapping[str, Any] | None = None,
    *,
    section: Train | None = None,
    merge: bool = False,
) -> TrainResult:
    """Train a model on a published dataset, evaluate it on validation, and write its folder.

    Launched by torchrun or accelerate, every process calls this; the main one writes and reports.

    :param data: The dataset's folder.
    :param model: Name of the model, as for ``load_model``.
    :param stage: 1 trains on ``mixture``, or on ``triplets`` where there is none; 2 on ``feedback``.
    :param overrides: Settings by name, overriding the recipe's.
    :param section: Section ``[train]`` of a recipe; the model's defaults if not given.
    :param merge: Whether adapters are merged into the weights, so that the folder needs no base.
    :raises UsageError: If ``out`` holds something else, a setting is not valid, or the stage is unknown.
    :raises FormatError: If there is no dataset, or it lacks what the stage needs.
    """
    section = section or Train()
    settings = train_settings(model, section, overrides)
    if merge and model.partition(":")[0] == "tiny":
        raise UsageError("--merge is for the adapters of nyx: and hf: models; tiny has none")
    accelerator = start_processes(settings.precision)
    once(accelerator, lambda: _check(data, stage, out, resume))
    rows, description = _rows(data, stage)
    options = model_options(section, str(accelerator.device))
    with quiet_but_main(accelerator):
        made = load_model(model, settings.seed, options)
        dims = loss_of(settings, made.dim).dims
    test = validation_set(data, settings.seed)
    if test is None and accelerator.is_main_process:
        sys.stderr.write("nyxqa: no validation questions, so the model is not evaluated\n")
    encode = shared_encoding(accelerator)
    watch = None if test is None else EpochEvaluation(test, made.dim, encode)
    trained = train(made, rows, settings, out, resume=resume, evaluate=watch, accelerator=accelerator)
    scores: list[Scores] = []
    if test is not None:
        scores = model_scores(test, _like(made, load_model(model, settings.seed, options)), made, dims, encode)
    usage = f"nyxqa build --split train --encoder {model.partition(':')[0]}:{out}"
    last = trained.losses[-1] if trained.losses else None
    result = TrainResult(out, trained.steps, (), {}, trained.main, last, usage)
    if trained.main:
        save_model(made, out, merge)
        if test is not None:
            result = _evaluated(result, test, scores, settings)
        shown = {**asdict(replace(settings, dims=dims)), **adapter_settings(made)}
        card = model_card(made, model, data, description, trained.steps, shown, result.lines)
        write_results(out, card, result.gains)
    end_processes()
    return result


def started_from(model: str | None, init: str | None) -> str:
    """The model to train: ``init``, a trained one, or else ``model``.

    :raises UsageError: If neither is given, ``init`` names no folder, or they are of different kinds.
    """
    if init is None and model is None:
        raise UsageError(
            "no model to train is given: pass --model tiny[:PATH], nyx:MODEL or hf:MODEL, or --init with a trained one"
        )
    if init is None:
        return str(model)
    kind, _, path = init.partition(":")
    if not path:
        raise UsageError(f"--init {init} does not name a trained model; write KIND:PATH, such as tiny:retriever_out")
    if model is not None and model.partition(":")[0] != kind:
        raise UsageError(f"--init {init} is not a {model.partition(':')[0]} model; leave out --model")
    return init


def _check(data: Path, stage: int, out: Path, resume: bool) -> None:
    """What one process finds for all of them, before a model is loaded."""
    _check_out(out, resume)
    _rows(data, stage, report=True)


def _check_out(out: Path, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; name a folder")
    found = {path.name for path in out.iterdir()} if out.exists() else set()
    fresh = resume and not Checkpoints(out / CHECKPOINTS, "", 1).any()
    if found and not (found <= _BEFORE_CHECKPOINT if fresh else resume):
        what = "a run" if found & _OURS else "files of something else"
        raise UsageError(f"--out {out} holds {what}; name an empty folder, or continue a run with --resume")
    if fresh:
        sys.stderr.write(f"nyxqa: {out} has no checkpoint yet, so training starts from the beginning\n")


def _rows(data: Path, stage: int, report: bool = False) -> tuple[Any, str]:
    """Rows of the stage, and their description for the card.

    :param report: Whether rows that are skipped are reported.
    """
    if stage not in (1, 2):
        raise UsageError(f"--stage {stage} is neither 1 (triplets) nor 2 (feedback)")
    manifest = find_published(data, None, ("triplets", "corpus")).manifest
    name = "feedback" if stage == 2 else "mixture" if manifest.splits("mixture") else "triplets"
    if "train" not in manifest.splits(name):
        if stage == 2:
            raise FormatError(
                f"{data} has no feedback/train to train on; make it with: nyxqa feedback DATA --retriever ... --vlm ..."
            )
        raise FormatError(f"{data} has no {name}/train to train on; make it with: python -m nyxqa.build --split train")
    rows: Any = load(name, data, split="train", images="bytes")
    if stage == 2:
        rows = _with_positive(rows, data, report)
    return rows, f"{len(rows)} rows of {name}/train"


def _with_positive(rows: Any, data: Path, report: bool) -> Any:
    """Rows of ``feedback`` that have a positive; others were retained without a correct candidate.

    :raises FormatError: If no row has a positive.
    """
    counts = [len(one) for one in rows.data.column("positive_ids").to_pylist()]
    if all(counts):
        return rows
    if not any(counts):
        raise FormatError(
            f"{data}: no row of feedback/train has a positive; run nyxqa feedback again with a lower threshold"
        )
    skipped = counts.count(0)
    what = "1 feedback row without a positive is" if skipped == 1 else f"{skipped} feedback rows without a positive are"
    if report:
        sys.stderr.write(f"nyxqa: {what} skipped\n")
    return rows.select([row for row, count in enumerate(counts) if count])


def _evaluated(result: TrainResult, test: TestSet, scores: Sequence[Scores], settings: TrainSettings) -> TrainResult:
    questions = test.questions
    longest = {one.system: one for one in scores if one.dim == max(each.dim for each in scores)}
    gains = {metric: gain(longest[TRAINED], longest[BEFORE], questions, metric, settings.seed) for metric in WATCHED}
    lines = summarise([bm25_scores(test), *scores], questions, settings.seed)
    return replace(result, lines=tuple(lines), gains=gains)


def _like(trained: EmbeddingModel, fresh: EmbeddingModel) -> EmbeddingModel:
    """``fresh`` on the device of ``trained``."""
    fresh.module.to(next(trained.module.parameters()).device)
    return fresh
