"""From stored answers to published labels; no model is asked and nothing is searched."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.engine.workdir import is_done, step_folder, steps_folder
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
_TABLES = "feedback"  # below the work folder: the tables until they are published
_RULES: tuple[Rule, ...] = ("page", "cluster", "equal")


@dataclass(frozen=True)
class Asked:
    """Answers and how they came about, without paths of this machine.

    :param answers: Fingerprint of the step that stored them.
    :param indexes: Folder of the index of each pool, below the folder of all steps.
    :param pools: Documents searched in each pool, in words.
    """

    answers: str
    retriever: str
    generator: str
    indexes: Mapping[str, str]
    pools: Mapping[str, str]

    def parts(self, work: Path) -> StepOutput:
        """The answers on disk.

        :raises WorldError: If they are not there.
        """
        folder = step_folder(work, FEEDBACK, "train", self.answers)
        if not is_done(folder):
            raise WorldError(
                f"{folder} holds no answers; ask for them with: nyxqa feedback DATA --retriever ... --vlm ..."
            )
        return StepOutput(self.answers, folder)

    @classmethod
    def told(cls, summary: Mapping[str, Any]) -> Asked:
        """As a manifest's summary has it."""
        return cls(**{name: summary[name] for name in cls.__dataclass_fields__})


def labelling_of(manifest: Manifest, settings: Feedback) -> Labelling:
    """How to label: negatives keep the distance that the dataset's recipe asks of them, equal words always."""
    asked = manifest.recipe.get("negatives", {}).get("exclude", _RULES)
    return Labelling(settings, tuple(rule for rule in _RULES if rule in asked or rule == "equal"))


def label_step(asked: Asked, labelling: Labelling) -> Step:
    """What decides the labels."""
    params = {"feedback": labelling.settings, "exclude": labelling.exclude}
    return Step(f"{FEEDBACK}/labels", VERSION, params, (asked.answers,), "train", "question", "question")


def label(
    base: Path, manifest: Manifest, work: Path, asked: Asked, labelling: Labelling, seconds: float = 0.0
) -> tuple[Path, Manifest]:
    """The dataset of ``base`` with these labels, in a folder of its own, and its manifest.

    :param base: Folder that holds ``data/`` as ``manifest`` says.
    :param seconds: What asking took.
    :raises WorldError: If the answers are not there, or no question is left.
    """
    started = time.perf_counter()
    tally, named = Tally(labelling), dict[str, set[str]]()
    rows = _rows(tally, asked.parts(work), labelling, asked.generator, named)
    indexes = {pool: steps_folder(work) / place for pool, place in asked.indexes.items()}
    folder = work / _TABLES
    files = compose(base, manifest, Added(rows, tally.drops, named, indexes), work, folder)
    numbers = tally.numbers()
    if not numbers["labelled"]:
        raise WorldError(
            f"no question of {numbers['questions']} is left: {listed(numbers['dropped'])}; "
            "see feedback.drop and threshold"
        )
    told = {
        **{name: getattr(asked, name) for name in asked.__dataclass_fields__},
        "basis": basis(manifest, asked.pools),
        "settings": labelling.settings.model_dump(mode="json"),
        "exclude": list(labelling.exclude),
        **numbers,
    }
    entry = _entry(label_step(asked, labelling), numbers, seconds + time.perf_counter() - started)
    return folder, with_feedback(manifest, folder, files, entry, told, _deviations(asked, labelling.settings))


def _rows(
    tally: Tally, answers: StepOutput, labelling: Labelling, generator: str, named: dict[str, set[str]]
) -> Iterator[dict[str, Any]]:
    for row in tally.labelled(answers):
        made = feedback_row(row, labelling, generator)
        tally.label(made)
        named.setdefault(row["pool"], set()).update(one["doc_id"] for one in made["candidates"])
        yield made


def _entry(step: Step, numbers: Mapping[str, Any], seconds: float) -> StageEntry:
    questions, kept = numbers["questions"], numbers["labelled"]
    counts = {"rows_in": questions, "parents": kept, "dropped": questions - kept, "not_sampled": 0, "rows_out": kept}
    return StageEntry(
        step.stage, step.split, step.fingerprint, step.unit_in, step.unit_out, **counts, seconds=round(seconds, 3)
    )


def basis(manifest: Manifest, pools: Mapping[str, str]) -> str:
    """Changes with the train questions and with the documents they are searched in, not with other splits."""
    files = [
        manifest.files[path].sha256
        for table, split in (("triplets", "train"), ("qa", "train"), ("corpus", "web"))
        for path in manifest.paths(table, split)
    ]
    stages = {pool_stage(pool) for pool in pools}
    files += sorted(entry.fingerprint for entry in manifest.stages if entry.name in stages)
    return short_hash(" ".join(files))


def _deviations(asked: Asked, settings: Feedback) -> list[str]:
    """What differs from the feedback of the Nyx paper and code."""
    found = []
    if settings.positives == "all":
        found.append("all right windows are positives, not the first")
    if settings.top_k != 30 or settings.window not in (1, 2):
        found.append(f"{settings.top_k} candidates in windows of {settings.window}, not 30 in windows of 1")
    if not asked.retriever.startswith("nyx:"):
        found.append(f"candidates are found with {asked.retriever}, not with the retriever of stage 1 on Qwen2.5-VL-3B")
    if "Qwen2.5-VL-7B" not in asked.generator:
        found.append(f"{asked.generator} answers, not Qwen2.5-VL-7B")
    return [f"{FEEDBACK}: {line}" for line in found]


def kept(before: Manifest | None, tables: Path, manifest: Manifest, work: Path) -> tuple[Path, Manifest, str]:
    """Tables and manifest of a build with the feedback that was published before, if it still holds.

    :param before: What was published before the build.
    :param tables: Folder of the build's tables.
    :returns: Folder and manifest to publish, and a line for people where feedback had to go.
    """
    told = None if before is None else before.summary.get(FEEDBACK)
    if told is None:
        return tables, manifest, ""
    gone = "feedback is no longer published, {}; make it again with: nyxqa feedback DATA --retriever ... --vlm ..."
    if "train" not in manifest.splits("triplets") or told["basis"] != basis(manifest, told["pools"]):
        return tables, manifest, gone.format("for the train split has changed")
    asked = Asked.told(told)
    labelling = Labelling(Feedback.model_validate(told["settings"]), tuple(told["exclude"]))
    try:
        folder, made = label(tables, manifest, work, asked, labelling)
    except WorldError:
        return tables, manifest, gone.format("for its answers are not in the work folder")
    return folder, replace(made, usage=manifest.usage), ""
