"""``nyxqa feedback``: candidates, answers, labels, and the dataset published with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.workdir import begin_generation, output_folder, steps_folder
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.feedback.answers import answers
from nyxqa.builders.feedback.candidates import candidates
from nyxqa.builders.feedback.labels import Labelling
from nyxqa.builders.feedback.options import FeedbackOptions, estimate_feedback, resolve_recipe
from nyxqa.builders.feedback.publication import StoredAnswers, label, label_step, labelling_of
from nyxqa.builders.feedback.train_set import TrainPool, TrainSet
from nyxqa.builders.publish.publish import complete_publishing, publish
from nyxqa.builders.report.estimate import Estimate
from nyxqa.builders.report.lines import feedback_lines
from nyxqa.builders.stages.first_request import ask_first, say_agreed
from nyxqa.builders.stages.names import FEEDBACK
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.encoders.index_ids import count_in
from nyxqa.retriever.protocols import Encoder
from nyxqa.schemas.errors import FormatError, PendingError, UsageError
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Feedback, Recipe

# Settings that only new answers of the model can change.
_ANSWER_SETTINGS = (
    *("top_k", "window", "stride", "enough_positives", "enough_negatives"),
    *("negatives", "options", "datasets", "caps"),
)


@dataclass(frozen=True)
class FeedbackResult:
    """Result of a feedback run.

    :param changed: False if the dataset already had these labels.
    """

    out: Path
    changed: bool
    manifest: Manifest

    def text(self) -> str:
        """A few lines for a terminal."""
        return "".join(f"{line}\n" for line in feedback_lines(self.manifest.summary[FEEDBACK]))

    def json(self) -> str:
        """One JSON object on one line."""
        return json.dumps({"out": str(self.out), "changed": self.changed, **self.manifest.summary[FEEDBACK]}) + "\n"


def feedback(data: Path, options: FeedbackOptions, progress: Progress) -> FeedbackResult:
    """Retrieve candidates for every train question, let the model answer with them, and publish the labels.

    :param data: Folder of the dataset.
    :raises NyxqaError: If a step fails, as the subclass that fits; nothing is published then.
    """
    encoder = _encoder(options)
    with output_folder(_existing(data)) as work:
        complete_publishing(data)
        published = _published(data)
        recipe = resolve_recipe(published.manifest, options)
        handle = VlmHandle(recipe.vlm, recipe.seed, work / "answers", Path(), options.retry_failed)
        try:
            return _run_steps(published, work, recipe, options, (encoder, handle), progress)
        finally:
            handle.close()


def estimate(data: Path, options: FeedbackOptions, progress: Progress) -> Estimate:
    """The most requests, tokens and images that a run needs; candidates are retrieved and stored, no model is called.

    :param data: Folder of the dataset.
    :raises NyxqaError: If a step fails, as the subclass that fits.
    """
    encoder = _encoder(options)
    with output_folder(_existing(data)) as work:
        complete_publishing(data)
        published = _published(data)
        recipe = resolve_recipe(published.manifest, options)
        train = TrainSet(published, work, recipe.feedback, recipe.seed)
        with make_executor(options.executor, options.workers, data) as executor:
            run = WorkingRun(work, executor, progress, traced=False)
            retrieved, _ = candidates(run, train, encoder, options.retriever or "", recipe.feedback.top_k)
        return estimate_feedback(train, retrieved, recipe)


def relabel(data: Path, options: FeedbackOptions, progress: Progress) -> FeedbackResult:
    """Recompute labels and ledger rows from the stored answers, without calling the model.

    :param data: Folder of the dataset.
    :raises WorldError: If there are no stored answers.
    :raises UsageError: If a setting needs new answers.
    """
    wrong = [name for name in _ANSWER_SETTINGS if f"feedback.{name}" in options.settings]
    if wrong or options.retriever is not None or options.vlm is not None:
        name = f"feedback.{wrong[0]}" if wrong else "--retriever or --vlm"
        raise UsageError(f"--relabel uses the stored answers, so {name} cannot change; run without --relabel")
    with output_folder(_existing(data)) as work:
        complete_publishing(data)
        published = _published(data)
        summary = published.manifest.summary.get(FEEDBACK)
        if summary is None:
            raise FormatError(f"{data} has no feedback to relabel; make it with: nyxqa feedback {data} --retriever ...")
        settings = resolve_recipe(published.manifest, options).feedback
        stored = Feedback.stored(summary["settings"])
        settings = settings.model_copy(update={name: getattr(stored, name) for name in _ANSWER_SETTINGS})
        labelling = labelling_of(published.manifest, settings)
        return _publish_labels(published, work, StoredAnswers.from_summary(summary), labelling, progress)


def _published(data: Path) -> Published:
    """The dataset in ``data``, in the present format.

    :raises FormatError: If there is none.
    """
    published = open_published(data)
    published.require_present("feedback")
    return published


def _encoder(options: FeedbackOptions) -> Encoder:
    """The retriever, after the names of both models are checked.

    :raises UsageError: If one is missing or unknown, or the VLM cannot judge documents.
    """
    if options.retriever is None or options.vlm is None:
        raise UsageError("feedback needs --retriever and --vlm; with --relabel it needs neither")
    provider = make_provider(options.vlm)
    if not provider.info.can_judge:
        raise UsageError(
            f"--vlm {provider.info.generator} only searches for words and cannot judge whether a document answers a "
            "question; name a model: openai:MODEL@URL"
        )
    return make_encoder(options.retriever)


def _existing(data: Path) -> Path:
    """``data``, if it is a folder.

    :raises FormatError: If it is not.
    """
    if not data.is_dir():
        raise FormatError(
            f"{data} is not a folder; build a dataset with: python -m nyxqa.build --split train --out {data}"
        )
    return data


def _run_steps(
    published: Published,
    work: Path,
    recipe: Recipe,
    options: FeedbackOptions,
    models: tuple[Encoder, VlmHandle],
    progress: Progress,
) -> FeedbackResult:
    encoder, handle = models
    train = TrainSet(published, work, recipe.feedback, recipe.seed)
    labelling = labelling_of(published.manifest, recipe.feedback)
    for pool in train.pools.values():
        if not pool.whole:
            progress.say(
                f"pool {pool.name}: its passages are missing; only the documents that train triplets name are searched"
            )
    if options.retry_failed and handle.failures():
        begin_generation(work, FEEDBACK)
    spec, top_k = options.retriever or "", recipe.feedback.top_k
    planned = PlannedRun(work)
    answers(planned, train, candidates(planned, train, encoder, spec, top_k)[0], handle, labelling)
    ask_first(handle, [planned.folder(planned.steps[-1])], lambda: train.has_pictures, progress)
    with make_executor(options.executor, options.workers, published.folder) as executor:
        run = WorkingRun(work, executor, progress, traced=False)
        try:
            retrieved, indexes = candidates(run, train, encoder, spec, top_k)
            answered = answers(run, train, retrieved, handle, labelling)
        except PendingError as waiting:
            raise handle.submit(waiting) from None
        finally:
            say_agreed(handle, progress)
    stored = StoredAnswers(
        answered.fingerprint,
        encoder.name,
        handle.open().info.generator,
        {name: index.folder.relative_to(steps_folder(work)).as_posix() for name, index in indexes.items()},
        {name: _describe(pool, indexes[name]) for name, pool in train.pools.items()},
        train.left_out,
    )
    seconds = sum(report.seconds for report in run.reports)
    return _publish_labels(published, work, stored, labelling, progress, handle.usage(), seconds)


def _describe(pool: TrainPool, index: StepOutput) -> str:
    count = count_in(index.folder)
    return f"{count} documents" if pool.whole else f"{count} documents that train triplets name"


def _publish_labels(
    published: Published,
    work: Path,
    stored: StoredAnswers,
    labelling: Labelling,
    progress: Progress,
    usage: Mapping[str, int] | None = None,
    seconds: float = 0.0,
) -> FeedbackResult:
    out, manifest = published.folder, published.manifest
    before = next((entry for entry in manifest.stages if entry.name == FEEDBACK), None)
    if before is not None and before.fingerprint == label_step(stored, labelling).fingerprint:
        progress.say(f"{out} is up to date")
        return FeedbackResult(out, False, manifest)
    folder, labelled = label(out, manifest, work, stored, labelling, seconds)
    if usage is not None:
        labelled = replace(labelled, usage=dict(usage))
    failure = publish(folder, out, labelled)
    shutil.rmtree(folder)
    if failure:
        progress.say(failure)
    progress.say(f"{out} is ready: feedback/train {labelled.summary[FEEDBACK]['labelled']}")
    return FeedbackResult(out, True, labelled)
