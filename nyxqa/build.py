"""Building a dataset: ``nyxqa.build.run`` and ``python -m nyxqa.build``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nyxqa.builders.estimate import Estimate
    from nyxqa.builders.execute import BuildResult, SplitName
    from nyxqa.schemas.recipe import Recipe


def run(
    split: SplitName = "train",
    *,
    recipe: str | Path | None = None,
    out: str | Path = "nyxqa_data",
    source: str | None = None,
    limit: int | None = None,
    vlm: str | None = None,
    encoder: str | None = None,
    workers: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    rescan: bool = False,
    retry_failed: bool = False,
    drop_stale: bool = False,
    as_json: bool = False,
) -> BuildResult:
    """Build one split, or ``all``, of a recipe into a folder; what a stopped run left is not redone.

    :param split: ``train``, ``validation``, ``test`` or ``all``.
    :param recipe: Name of a shipped recipe or a TOML file; default ``sample``, or ``nyxqa`` where a source is given.
    :param out: The dataset's folder.
    :param source: Where pages come from, as ``[web] source`` has it.
    :param limit: Most pages to read.
    :param vlm: The model, as ``[vlm] model`` has it.
    :param encoder: The miner, as ``[negatives] encoder`` has it.
    :param workers: Number of processes; default one a core.
    :param seed: Seed of every choice by chance.
    :param settings: Further recipe values by dotted key.
    :param rescan: Read the source again though its files look the same.
    :param retry_failed: Try again the URLs and questions that failed.
    :param drop_stale: Unpublish the splits that were made with other data parameters.
    :param as_json: Report each stage as a JSON object on stdout.
    :raises NyxqaError: With the exit code of the command line.
    """
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.execute import execute

    return execute(
        _recipe(recipe, source, limit, vlm, encoder, seed, settings),
        split,
        Path(out),
        workers,
        Progress(as_json),
        drop_stale=drop_stale,
        rescan=rescan,
        retry_failed=retry_failed,
    )


def estimate(
    split: SplitName = "train",
    *,
    recipe: str | Path | None = None,
    out: str | Path = "nyxqa_data",
    source: str | None = None,
    limit: int | None = None,
    vlm: str | None = None,
    encoder: str | None = None,
    workers: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    rescan: bool = False,
    as_json: bool = False,
) -> Estimate:
    """What the build would ask of a model, as far as that can be told before it is asked; parameters as in ``run``.

    The pages are read and cut, which a later build need not do again; nothing is published.

    :raises NyxqaError: With the exit code of the command line.
    """
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.execute import estimate as estimate_build

    plan = _recipe(recipe, source, limit, vlm, encoder, seed, settings)
    return estimate_build(plan, split, Path(out), workers, Progress(as_json), rescan)


def _recipe(
    recipe: str | Path | None,
    source: str | None,
    limit: int | None,
    vlm: str | None,
    encoder: str | None,
    seed: int | None,
    settings: Mapping[str, Any] | None,
) -> Recipe:
    from nyxqa.schemas.recipe_file import read_recipe

    given = {"web.source": source, "web.limit": limit, "vlm.model": vlm, "negatives.encoder": encoder, "seed": seed}
    overrides = {key: value for key, value in given.items() if value is not None} | dict(settings or {})
    return read_recipe(str(recipe or ("sample" if source in (None, "sample") else "nyxqa")), overrides)


if __name__ == "__main__":
    import sys

    from nyxqa.cli import main

    main(["build", *sys.argv[1:]])
