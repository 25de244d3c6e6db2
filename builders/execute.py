"""Executing a recipe into a folder: plan, run what is missing, publish."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nyxqa.builders.assemble import RESULT
from nyxqa.builders.begun import note_source
from nyxqa.builders.build import Built, build, read
from nyxqa.builders.decontamination.stage import benchmark, benchmark_counts, unusable_images
from nyxqa.builders.deviations import deviations
from nyxqa.builders.engine.executor import LocalExecutor
from nyxqa.builders.engine.folder import output_folder
from nyxqa.builders.engine.generations import begin_generation
from nyxqa.builders.engine.limits import Limits, limited
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import PlannedRun, WorkingRun
from nyxqa.builders.entries import stage_entries
from nyxqa.builders.estimate import Estimate, estimate_seeds
from nyxqa.builders.feedback.labelling import kept
from nyxqa.builders.filter import check_conditions
from nyxqa.builders.images.fetch.stage import names_to_retry, retry_failures
from nyxqa.builders.publish import complete_publishing, drop_edited, publish
from nyxqa.builders.sample import sample
from nyxqa.builders.sets.checks import check_sets
from nyxqa.builders.sets.locations import pinned
from nyxqa.builders.sets.stage import set_splits
from nyxqa.builders.shortfalls import shortfall_lines
from nyxqa.builders.sources.opening import source_revisions
from nyxqa.builders.sources.stage import SOURCE
from nyxqa.builders.stages import STAGES
from nyxqa.builders.tokenize import tokenizer_file
from nyxqa.builders.versions import versions
from nyxqa.builders.vlm.model import parse_model
from nyxqa.retriever.make import make_encoder
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.files import read_json
from nyxqa.schemas.manifest import MANIFEST, FileEntry, Manifest, read_manifest
from nyxqa.schemas.recipe import Images, Recipe
from nyxqa.schemas.tables import QA, QA_SPLITS

SplitName = Literal["train", "validation", "test", "all"]
_NO_USAGE = {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}


@dataclass(frozen=True)
class BuildResult:
    """What a build left behind.

    :param out: The dataset's folder.
    :param changed: False if the folder already held this very dataset.
    :param manifest: Its manifest.
    """

    out: Path
    changed: bool
    manifest: Manifest


def execute(
    recipe: Recipe,
    split: SplitName,
    out: Path,
    workers: int | None,
    progress: Progress,
    drop_stale: bool = False,
    rescan: bool = False,
    retry_failed: bool = False,
) -> BuildResult:
    """Build ``split`` of ``recipe`` into ``out``, resuming what a stopped run left.

    :param rescan: Read the source again though its files look the same.
    :param retry_failed: Whether URLs and questions that failed are tried again, and what stands on them done again.
    :raises NyxqaError: Of the kind that says what went wrong; nothing is published then.
    """
    _check(recipe)
    given, (recipe, revisions) = recipe, pinned(recipe)
    with output_folder(out) as work, limited(_limits(recipe)):
        complete_publishing(out)
        published = _published(out)
        splits = _splits(recipe, split, published)
        again = {SOURCE} if rescan else set[str]()
        if retry_failed:
            again |= names_to_retry(work, recipe.images)
        plan = build(PlannedRun(work, again), recipe, splits, work / "answers")
        stale = _stale(plan, published, split)
        if stale and not drop_stale:
            raise UsageError(
                f"split {', '.join(stale)} in {out} was made with other data parameters or another source; "
                "--split all rebuilds every split, --drop-stale unpublishes it"
            )
        if stale:
            splits = [name for name in splits if name not in stale]
        note_source(work, recipe)
        _observe_again(work, again, recipe.images, progress)
        plan = build(PlannedRun(work), recipe, splits, work / "answers")
        edited = drop_edited(plan.tables.folder)
        if edited is not None:
            progress.say(f"{out / edited} was written to after it was built; the tables are made again")
        if retry_failed and plan.asking is not None and plan.asking.failures():
            _forget_asking(work)
        elif edited is None and published is not None and _up_to_date(out, plan, published):
            progress.say(f"{out} is up to date")
            return _told(BuildResult(out, False, published), progress)
        with LocalExecutor(workers or os.cpu_count() or 1) as executor:
            run = WorkingRun(work, executor, progress)
            built = build(run, recipe, splits, work / "answers", retry_failed)
        manifest = _manifest(given, revisions, run, built)
        if built.asking is not None:
            built.asking.close()
        tables, manifest, gone = kept(published, built.tables.folder, manifest, work)
        publish(tables, out, manifest)
        if gone:
            progress.say(gone)
        if built.benchmark is not None and (unusable := unusable_images(built.benchmark)):
            progress.say(unusable)
        for line in shortfall_lines(manifest):
            progress.say(line)
        rows = ", ".join(f"{name} {count}" for name, count in _rows(manifest).items())
        progress.say(f"{out} is ready: {rows}")
        return _told(BuildResult(out, True, manifest), progress)


def estimate(
    recipe: Recipe, split: SplitName, out: Path, workers: int | None, progress: Progress, rescan: bool = False
) -> Estimate:
    """What a model would be asked for ``split``; what that needs is read and kept, nothing is published or asked.

    :raises NyxqaError: Of the kind that says what went wrong.
    """
    _check(recipe)
    if recipe.web is None:
        raise UsageError("no model is asked: the recipe has no [web] section")
    with (
        output_folder(out) as work,
        limited(_limits(recipe)),
        LocalExecutor(workers or os.cpu_count() or 1) as executor,
    ):
        note_source(work, recipe)
        if rescan:
            begin_generation(work, SOURCE)
        run = WorkingRun(work, executor, progress)
        splits = _splits(recipe, split, None)
        found = read(run, recipe, recipe.web, benchmark(run, recipe), splits)
        seeds = {name: sample(run, found.documents, recipe, name) for name in splits}
        return estimate_seeds(recipe, seeds, found.packs)


def _limits(recipe: Recipe) -> Limits:
    given = recipe.duckdb
    return Limits(given.memory, given.threads, given.spill, None if given.folder is None else Path(given.folder))


def _observe_again(work: Path, again: set[str], settings: Images, progress: Progress) -> None:
    """What ``--rescan`` and ``--retry-failed`` ask for, once it is known that the build goes on."""
    if SOURCE in again:
        begin_generation(work, SOURCE)
    if again - {SOURCE}:
        retry_failures(work, settings, progress)


def _check(recipe: Recipe) -> None:
    """What can be known to fail before anything is spent.

    :raises UsageError: Naming the section.
    """
    if recipe.web is None and not recipe.text and not recipe.imports:
        raise UsageError(
            "the recipe has no [web], [[text]] or [[import]] section, so there is nothing to build; give --source"
        )
    check_sets(recipe)
    if recipe.web is None and not recipe.text and recipe.filters.decontaminate:
        raise UsageError("filters.decontaminate looks at [web] and [[text]], and the recipe has neither; leave it out")
    if recipe.web is not None:
        check_conditions(recipe.filters, QA.schema)
        make_encoder(recipe.negatives.encoder)
        if recipe.vlm.model != "extractive":
            parse_model(recipe.vlm.model)


def _forget_asking(work: Path) -> None:
    """Remove the steps that ask a model and what stands on them; stored answers stay."""
    first = STAGES.index("synthesize")
    for folder in (work / "steps").glob("*"):
        if folder.name.partition(".")[0] in STAGES[first:]:
            shutil.rmtree(folder)


def _published(out: Path) -> Manifest | None:
    return read_manifest(out) if (out / MANIFEST).exists() else None


def _splits(recipe: Recipe, split: SplitName, published: Manifest | None) -> list[str]:
    """Splits that will be published, in their order.

    :raises UsageError: If the recipe has nothing for ``split``.
    """
    filled = set(recipe.split.splits) if recipe.web is not None else set_splits(recipe)
    if recipe.web is not None and split not in {"all", *filled}:
        raise UsageError(f"split.{split} is 0, so there is no split {split} to build; set split.{split} to its size")
    if split != "all" and split not in filled:
        raise UsageError(f"nothing in the recipe belongs to split {split}; its sets have {', '.join(sorted(filled))}")
    have = published.splits("triplets") if published is not None else []
    return [name for name in QA_SPLITS if name in filled and (split in ("all", name) or name in have)]


def _fingerprints(manifest: Manifest) -> dict[str, str]:
    return {entry.split: entry.fingerprint for entry in manifest.stages if entry.name == "assemble"}


def _stale(plan: Built, published: Manifest | None, split: SplitName) -> list[str]:
    """Published splits that this build would leave as they are although it would make them otherwise."""
    if published is None or split == "all":
        return []
    now = {name: step.fingerprint for name, step in plan.splits.items()}
    then = _fingerprints(published)
    return [name for name in QA_SPLITS if name in then and name != split and then[name] != now.get(name)]


def _up_to_date(out: Path, plan: Built, published: Manifest) -> bool:
    if _fingerprints(published) != {name: step.fingerprint for name, step in plan.splits.items()}:
        return False
    return all((out / name).is_file() for name in (*published.files, "README.md"))


def _manifest(recipe: Recipe, revisions: dict[str, str], run: WorkingRun, built: Built) -> Manifest:
    result: dict[str, Any] = read_json(built.tables.folder / RESULT)
    held = {} if built.benchmark is None else {"benchmark": benchmark_counts(built.benchmark)}
    return Manifest(
        recipe=_portable(recipe),
        seed=recipe.seed,
        versions=versions(),
        revisions={**(source_revisions(recipe.web) if recipe.web is not None else {}), **revisions},
        deviations=deviations(recipe),
        stages=stage_entries(run.reports, built.splits, result["counts"]),
        files={path: FileEntry(**entry) for path, entry in result["files"].items()},
        certificate=result["certificate"],
        usage=built.asking.usage() if built.asking is not None else _NO_USAGE,
        summary={**result["summary"], **held},
    )


def _portable(recipe: Recipe) -> dict[str, Any]:
    """The recipe without paths of this machine and without URLs of endpoints."""
    plain = recipe.model_dump(mode="json", by_alias=True)
    if plain["web"] is not None:
        plain["web"]["source"] = _without_folder(plain["web"]["source"])
    if tokenizer_file(recipe.chunk.tokenizer) is not None:
        plain["chunk"]["tokenizer"] = Path(recipe.chunk.tokenizer).name
    plain["filters"]["decontaminate"] = [Path(file).name for file in plain["filters"]["decontaminate"]]
    if isinstance(plain["images"]["allow_private"], list):  # names of the inside of somebody's network
        plain["images"]["allow_private"] = [f"{len(plain['images']['allow_private'])} not named"]
    del plain["duckdb"]  # what a machine may use decides nothing
    plain["vlm"]["model"] = plain["vlm"]["model"].partition("@http")[0]
    plain["negatives"]["encoder"] = make_encoder(recipe.negatives.encoder).name
    for text in plain["text"]:
        text |= {key: _without_folder(text[key]) for key in ("questions", "passages")}
        text["encoder"] = make_encoder(text["encoder"]).name
    for section in plain["import"]:
        section |= {key: Path(section[key]).name for key in ("path", "images") if section[key] is not None}
    return plain


def _without_folder(source: str) -> str:
    """A source without the folder of its file; a name on the Hub stays."""
    kind, colon, path = source.partition(":")
    return source if not colon or kind == "hf" or path.startswith("hf:") else f"{kind}:{Path(path).name}"


def _rows(manifest: Manifest) -> dict[str, int]:
    """Published rows by TABLE/SPLIT."""
    rows: dict[str, int] = {}
    for path, entry in manifest.files.items():
        _, table, file = path.split("/")
        name = f"{table}/{file.split('-')[0]}"
        rows[name] = rows.get(name, 0) + entry.rows
    return rows


def _told(result: BuildResult, progress: Progress) -> BuildResult:
    manifest = result.manifest
    told = {"out": str(result.out), "changed": result.changed, "rows": _rows(manifest), "usage": manifest.usage}
    progress.result("build", told)
    return result
