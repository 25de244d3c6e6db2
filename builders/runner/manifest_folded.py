"""The manifest of a build, out of what its run reports and its tables hold."""

from __future__ import annotations

from typing import Any

from nyxqa.builders.engine.run import WorkingRun
from nyxqa.builders.pipeline import Built
from nyxqa.builders.runner.deviations import deviations
from nyxqa.builders.runner.manifest import stage_entries
from nyxqa.builders.runner.portable import portable_recipe
from nyxqa.builders.runner.versions import versions
from nyxqa.builders.sources.factory import source_revisions
from nyxqa.builders.stages.assemble import RESULT
from nyxqa.builders.stages.benchmark import benchmark_counts
from nyxqa.schemas.files import read_json
from nyxqa.schemas.manifest import FileEntry, Manifest
from nyxqa.schemas.recipe import Recipe

_NO_USAGE = {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}


def build_manifest(recipe: Recipe, revisions: dict[str, str], run: WorkingRun, built: Built) -> Manifest:
    """What ``run`` made of ``recipe``.

    :param recipe: As given, its names on the Hub not yet pinned.
    :param revisions: What these names stood for.
    """
    result: dict[str, Any] = read_json(built.tables.folder / RESULT)
    held = {} if built.benchmark is None else {"benchmark": benchmark_counts(built.benchmark)}
    return Manifest(
        recipe=portable_recipe(recipe),
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
