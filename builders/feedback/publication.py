"""From stored answers to published labels, without calling a model or searching."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.part_files import is_done
from nyxqa.builders.engine.step import Step, StepOutput, section_params
from nyxqa.builders.engine.workdir import step_folder, steps_folder
from nyxqa.builders.feedback.compose import Added, compose, with_feedback
from nyxqa.builders.feedback.labels import Labelling, Rule, feedback_row
from nyxqa.builders.feedback.tally import Tally
from nyxqa.builders.formatting import listed
from nyxqa.builders.stages.names import FEEDBACK, pool_stage
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.manifest import Manifest, StageEntry
from nyxqa.schemas.recipe import Feedback

VERSION = 1
_LABEL_SETTINGS = ("top_k", "window", "threshold", "positives", "enough_positives", "enough_negatives", "drop")
_TABLES = "feedback"  # below the work folder: holds the tables until they are published
_RULES: tuple[Rule, ...] = ("page", "cluster", "equal")


@dataclass(frozen=True)
class StoredAnswers:
    """Stored answers and how they were made, without paths of this machine.

    :param answers: Fingerprint of the step that stored them.
    :param retriever: Name of the encoder that retrieved the candidates.
    :param generator: Name of the model that answered.
    :param indexes: Folder of the index of each pool, below the folder of all steps.
    :param pools: What was searched in each pool, in words.
    :param left_out: Train questions that ``feedback.datasets`` and ``feedback.caps`` leave out.
    """

    answers: str
    retriever: str
    generator: str
    indexes: Mapping[str, str]
    pools: Mapping[str, str]
    left_out: int = 0

    def output(self, work: Path) -> StepOutput:
        """The step output that holds the answers.

        :raises WorldError: If it is missing.
        """
        folder = step_folder(work, FEEDBACK, "train", self.answers)
        if not is_done(folder):
            raise WorldError(
                f"{folder} holds no answers; make them with: nyxqa feedback DATA --retriever ... --vlm ..."
            )
        return StepOutput(self.answers, folder)

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> StoredAnswers:
        """From part ``feedback`` of a manifest's summary."""
        return cls(**{name: summary[name] for name in cls.__dataclass_fields__ if name in summary})


def labelling_of(manifest: Manifest, settings: Feedback) -> Labelling:
    """How to label: negatives obey ``negatives.exclude`` of the dataset's recipe, and always rule ``equal``."""
    chosen = manifest.recipe.get("negatives", {}).get("exclude", _RULES)
    return Labelling(settings, tuple(rule for rule in _RULES if rule in chosen or rule == "equal"))


def label_step(stored: StoredAnswers, labelling: Labelling) -> Step:
    """The step whose fingerprint identifies the labels."""
    settings = labelling.settings
    own = section_params(settings, _LABEL_SETTINGS, ("negatives", "datasets", "caps", "options"))
    if settings.stride != settings.window:  # before ``stride`` windows did not overlap
        own["stride"] = settings.stride
    params = {"feedback": own, "exclude": labelling.exclude}
    return Step(f"{FEEDBACK}/labels", VERSION, params, (stored.answers,), "train", "question", "question")


def label(
    base: Path, manifest: Manifest, work: Path, stored: StoredAnswers, labelling: Labelling, seconds: float = 0.0
) -> tuple[Path, Manifest]:
    """The dataset of ``base`` with labels, in a folder of its own, and its manifest.

    :param base: Folder with the files of ``manifest``.
    :param seconds: Time that answering took.
    :raises WorldError: If the answers are missing, or no question is left.
    """
    started = time.perf_counter()
    tally, named = Tally(labelling), dict[str, set[str]]()
    rows = _rows(tally, stored.output(work), labelling, stored.generator, named)
    indexes = {pool: steps_folder(work) / place for pool, place in stored.indexes.items()}
    folder = work / _TABLES
    files = compose(base, manifest, Added(rows, tally.drops, named, indexes), work, folder)
    numbers = tally.numbers()
    if not numbers["labelled"]:
        raise WorldError(
            f"none of {numbers['questions']} questions is left: {listed(numbers['dropped'])}; "
            "change feedback.drop or feedback.threshold"
        )
    outcome = {
        **{name: getattr(stored, name) for name in stored.__dataclass_fields__},
        "basis": basis(manifest, stored.pools),
        "settings": labelling.settings.model_dump(mode="json"),
        "exclude": list(labelling.exclude),
        **numbers,
    }
    spent = seconds + time.perf_counter() - started
    entry = _entry(label_step(stored, labelling), numbers, spent, stored.left_out)
    return folder, with_feedback(manifest, folder, files, entry, outcome, _deviations(stored, labelling.settings))


def _rows(
    tally: Tally, answers: StepOutput, labelling: Labelling, generator: str, named: dict[str, set[str]]
) -> Iterator[dict[str, Any]]:
    for row in tally.labelled(answers):
        feedback = feedback_row(row, labelling, generator)
        tally.label(feedback)
        named.setdefault(row["pool"], set()).update(one["doc_id"] for one in feedback["candidates"])
        yield feedback


def _entry(step: Step, numbers: Mapping[str, Any], seconds: float, left_out: int) -> StageEntry:
    asked, kept = numbers["questions"], numbers["labelled"]
    counts = {
        "rows_in": asked + left_out,
        "parents": kept,
        "dropped": asked - kept,
        "not_sampled": left_out,
        "rows_out": kept,
    }
    return StageEntry(
        step.stage, step.split, step.fingerprint, step.unit_in, step.unit_out, **counts, seconds=round(seconds, 3)
    )


def basis(manifest: Manifest, pools: Mapping[str, str]) -> str:
    """A hash of the train questions and of the documents that are searched, independent of other splits."""
    files = [
        manifest.files[path].sha256
        for table, split in (("triplets", "train"), ("qa", "train"), ("corpus", "web"))
        for path in manifest.paths(table, split)
    ]
    stages = {pool_stage(pool) for pool in pools}
    files += sorted(entry.fingerprint for entry in manifest.stages if entry.name in stages)
    return short_hash(" ".join(files))


def _deviations(stored: StoredAnswers, settings: Feedback) -> list[str]:
    """Differences from the feedback of the Nyx paper and code."""
    lines = []
    if settings.positives != "window_first":
        chosen = "all right windows" if settings.positives == "all" else "all documents of the first right window"
        lines.append(f"{chosen} are positives, not the first document of the first right window")
    if settings.negatives != "rest":
        lines.append("negatives are documents that made the model wrong, not all other candidates")
    if dropped := [name.replace("_", " ") for name in settings.drop if name != "wrong_with_all"]:
        lines.append(f"questions answered {' or '.join(dropped)} are dropped; the paper drops those without a window")
    if settings.top_k != 30 or settings.window not in (1, 2):
        lines.append(f"{settings.top_k} candidates in windows of {settings.window}, not 30 in windows of 1")
    if settings.window > 1 and settings.stride != 1:
        lines.append(f"windows move by {settings.stride}, not by 1")
    if not stored.retriever.startswith("nyx:"):
        lines.append(
            f"candidates are found with {stored.retriever}, not with the retriever of stage 1 on Qwen2.5-VL-3B"
        )
    if "Qwen2.5-VL-7B" not in stored.generator:
        lines.append(f"{stored.generator} answers, not Qwen2.5-VL-7B")
    return [f"{FEEDBACK}: {line}" for line in lines]


def with_earlier_feedback(
    before: Manifest | None, tables: Path, manifest: Manifest, work: Path, same_rows: bool = False
) -> tuple[Path, Manifest, str]:
    """Tables and manifest of a build, with the feedback published before if it is still valid.

    :param before: Manifest of what was published before the build.
    :param tables: Folder of the build's tables.
    :param same_rows: Whether the tables differ from those before in their format alone.
    :returns: Folder and manifest to publish, and a message if feedback was removed, else "".
    """
    outcome = None if before is None else before.summary.get(FEEDBACK)
    if outcome is None:
        return tables, manifest, ""
    removed = (
        "feedback is no longer published because {}; make it again with: nyxqa feedback DATA --retriever ... --vlm ..."
    )
    same = same_rows or outcome["basis"] == basis(manifest, outcome["pools"])
    if not {"train"} & {*manifest.splits("triplets"), *manifest.splits("qa")} or not same:
        return tables, manifest, removed.format("the train split has changed")
    stored = StoredAnswers.from_summary(outcome)
    labelling = Labelling(Feedback.stored(outcome["settings"]), tuple(outcome["exclude"]))
    try:
        folder, labelled = label(tables, manifest, work, stored, labelling)
    except WorldError:
        return tables, manifest, removed.format("its answers are missing from the work folder")
    return folder, replace(labelled, usage=manifest.usage), ""
