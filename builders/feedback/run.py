"""``nyxqa feedback``: candidates, answers, labels, and the dataset published with them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import WorkingRun
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.workdir import begin_generation, output_folder, steps_folder
from nyxqa.builders.feedback.answers import answers
from nyxqa.builders.feedback.candidates import candidates
from nyxqa.builders.feedback.compose import without_feedback
from nyxqa.builders.feedback.estimate import estimate_asking
from nyxqa.builders.feedback.labels import Labelling
from nyxqa.builders.feedback.publication import Asked, label, label_step, labelling_of
from nyxqa.builders.feedback.train_set import FoundPool, TrainSet
from nyxqa.builders.publish.publish import complete_publishing, publish
from nyxqa.builders.report.estimate import Estimate
from nyxqa.builders.report.lines import told_lines
from nyxqa.builders.stages.names import FEEDBACK
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.index.stored_ids import StoredIds
from nyxqa.retriever.protocols import Encoder
from nyxqa.schemas.errors import FormatError, UsageError
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.recipe_file import read_recipe, recipe_of

_SECTIONS = ("feedback", "vlm")
# What only a new run of the model can change.
_ASKED = ("top_k", "window", "enough_positives", "enough_negatives")


@dataclass(frozen=True)
class Order:
    """What a run of feedback is told.

    :param retriever: The encoder that finds candidates; none where only labels are made anew.
    :param vlm: The model that answers, as ``[vlm] model`` has it.
    :param recipe: A shipped recipe or TOML file whose sections ``feedback`` and ``vlm`` hold; the dataset's own if not
        given.
    :param settings: Further values of these sections by dotted key.
    :param retry_failed: Whether questions that the model failed at are asked again.
    :param flags: Flag of the command line that gave a setting, by its dotted key; ``--set`` if not named here.
    """

    retriever: str | None = None
    vlm: str | None = None
    recipe: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    retry_failed: bool = False
    flags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FeedbackResult:
    """What a run left behind.

    :param changed: False if the dataset already held these very labels.
    """

    out: Path
    changed: bool
    manifest: Manifest

    def text(self) -> str:
        """A few lines for a terminal."""
        return "".join(f"{line}\n" for line in told_lines(self.manifest.summary[FEEDBACK]))

    def json(self) -> str:
        """One JSON object on one line."""
        return json.dumps({"out": str(self.out), "changed": self.changed, **self.manifest.summary[FEEDBACK]}) + "\n"


def feedback(data: Path, order: Order, progress: Progress) -> FeedbackResult:
    """Find candidates of every train question, let the model answer with them, and publish the labels.

    :raises NyxqaError: Of the kind that says what went wrong; nothing is published then.
    """
    encoder = _encoder(order)
    with output_folder(_there(data)) as work:
        complete_publishing(data)
        published = open_published(data)
        recipe = _recipe(published.manifest, order)
        handle = VlmHandle(recipe.vlm, recipe.seed, work / "answers", Path(), order.retry_failed)
        try:
            return _asked(published, work, recipe, order, (encoder, handle), progress)
        finally:
            handle.close()


def estimate(data: Path, order: Order, progress: Progress) -> Estimate:
    """What the model would be asked at most; candidates are found and kept, nothing is asked or published.

    :raises NyxqaError: Of the kind that says what went wrong.
    """
    encoder = _encoder(order)
    with output_folder(_there(data)) as work:
        complete_publishing(data)
        published = open_published(data)
        recipe = _recipe(published.manifest, order)
        train = TrainSet(published, work)
        with LocalExecutor(1) as executor:
            run = WorkingRun(work, executor, progress)
            found, _ = candidates(run, train, encoder, order.retriever or "", recipe.feedback.top_k)
        return estimate_asking(train, found, recipe)


def relabel(data: Path, order: Order, progress: Progress) -> FeedbackResult:
    """Make labels and ledger rows anew from the stored answers; nothing is asked.

    :raises WorldError: If there are no stored answers.
    :raises UsageError: If a setting asks for other answers.
    """
    wrong = [name for name in _ASKED if f"feedback.{name}" in order.settings]
    if wrong or order.retriever is not None or order.vlm is not None:
        name = f"feedback.{wrong[0]}" if wrong else "--retriever or --vlm"
        raise UsageError(f"--relabel asks nothing, so {name} cannot change; leave --relabel out")
    with output_folder(_there(data)) as work:
        complete_publishing(data)
        published = open_published(data)
        told = published.manifest.summary.get(FEEDBACK)
        if told is None:
            raise FormatError(
                f"{data} has no feedback to label anew; make it with: nyxqa feedback {data} --retriever ..."
            )
        settings = _recipe(published.manifest, order).feedback
        settings = settings.model_copy(update={name: told["settings"][name] for name in _ASKED})
        labelling = labelling_of(published.manifest, settings)
        return _labelled(published, work, Asked.told(told), labelling, progress)


def _encoder(order: Order) -> Encoder:
    """The retriever, once it is known that both models can be what they are named."""
    if order.retriever is None or order.vlm is None:
        raise UsageError("feedback needs --retriever and --vlm; with --relabel it needs neither")
    provider = make_provider(order.vlm)
    if not provider.info.can_judge:
        raise UsageError(
            f"--vlm {provider.info.generator} only looks for words and cannot judge whether a document answers a "
            "question; name a model: openai:MODEL@URL"
        )
    return make_encoder(order.retriever)


def _there(data: Path) -> Path:
    """``data``, if it is a folder that holds a dataset or one half published."""
    if not data.is_dir():
        raise FormatError(
            f"{data} is no folder; build a dataset with: python -m nyxqa.build --split train --out {data}"
        )
    return data


def _recipe(manifest: Manifest, order: Order) -> Recipe:
    """The sections that hold, in a recipe of nothing else but the dataset's seed.

    :raises UsageError: If a key is none of these sections, or a value is not valid.
    """
    overrides = {**({"vlm.model": order.vlm} if order.vlm is not None else {}), **order.settings}
    for key in overrides:
        if key.partition(".")[0] not in _SECTIONS:
            raise UsageError(f"--set {key} is none of feedback's: it reads [feedback] and [vlm]")
    try:
        if order.recipe is not None:
            given = read_recipe(order.recipe, overrides)
            return Recipe(seed=manifest.seed, feedback=given.feedback, vlm=given.vlm)
        built = without_feedback(manifest).recipe  # what an earlier run of feedback was told does not stay
        own = {name: dict(built[name]) for name in _SECTIONS if name in built}
        return recipe_of({"seed": manifest.seed, **own}, overrides, "of the dataset")
    except UsageError as error:
        raise _of_flag(error, order) from error


def _of_flag(error: UsageError, order: Order) -> UsageError:
    """``error``, by the flag that gave the value rather than by the recipe that it went into."""
    fault = str(error).partition(": ")[2]
    key = fault.partition(" = ")[0]
    given = dict.fromkeys(order.settings, "--set") | ({"vlm.model": "--vlm"} if order.vlm is not None else {})
    flag = order.flags.get(key) or given.get(key)
    return error if flag is None else UsageError(f"{flag}: {fault}")


def _asked(
    published: Published,
    work: Path,
    recipe: Recipe,
    order: Order,
    models: tuple[Encoder, VlmHandle],
    progress: Progress,
) -> FeedbackResult:
    encoder, handle = models
    train = TrainSet(published, work)
    labelling = labelling_of(published.manifest, recipe.feedback)
    for pool in train.pools.values():
        if not pool.whole:
            progress.say(f"pool {pool.name}: its passages are not here, so what train triplets name is searched")
    with LocalExecutor(os.cpu_count() or 1) as executor:
        run = WorkingRun(work, executor, progress)
        found, indexes = candidates(run, train, encoder, order.retriever or "", recipe.feedback.top_k)
        if order.retry_failed and handle.failures():
            begin_generation(work, FEEDBACK)
        made = answers(run, train, found, handle, labelling)
    asked = Asked(
        made.fingerprint,
        encoder.name,
        handle.open().info.generator,
        {name: index.folder.relative_to(steps_folder(work)).as_posix() for name, index in indexes.items()},
        {name: _searched(pool, indexes[name]) for name, pool in train.pools.items()},
    )
    seconds = sum(report.seconds for report in run.reports)
    return _labelled(published, work, asked, labelling, progress, handle.usage(), seconds)


def _searched(found: FoundPool, index: StepOutput) -> str:
    count = len(StoredIds(index.folder))
    return f"{count} documents" if found.whole else f"{count} documents that train triplets name"


def _labelled(
    published: Published,
    work: Path,
    asked: Asked,
    labelling: Labelling,
    progress: Progress,
    usage: Mapping[str, int] | None = None,
    seconds: float = 0.0,
) -> FeedbackResult:
    out, manifest = published.folder, published.manifest
    before = next((entry for entry in manifest.stages if entry.name == FEEDBACK), None)
    if before is not None and before.fingerprint == label_step(asked, labelling).fingerprint:
        progress.say(f"{out} is up to date")
        return FeedbackResult(out, False, manifest)
    folder, made = label(out, manifest, work, asked, labelling, seconds)
    if usage is not None:
        made = replace(made, usage=dict(usage))
    publish(folder, out, made)
    shutil.rmtree(folder)
    progress.say(f"{out} is ready: feedback/train {made.summary[FEEDBACK]['labelled']}")
    return FeedbackResult(out, True, made)
