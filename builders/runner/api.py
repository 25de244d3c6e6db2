"""What ``nyxqa.build`` offers: a build, and its estimate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

if TYPE_CHECKING:
    from nyxqa.builders.report.estimate import Estimate
    from nyxqa.builders.runner.execute import BuildResult
    from nyxqa.schemas.recipe import Recipe
    from nyxqa.schemas.recipe_types import SplitName

OUT = "nyxqa_data"
# Options that set one value of the recipe each.
_KEYS: dict[str, str] = {
    "source": "web.source",
    "limit": "web.limit",
    "vlm": "vlm.model",
    "encoder": "negatives.encoder",
    "seed": "seed",
}


class BuildOptions(TypedDict, total=False):
    """What ``run`` and ``estimate`` take besides the split.

    :param recipe: Name of a shipped recipe or a TOML file; default ``sample``, or ``nyxqa`` where a source is given.
    :param out: The dataset's folder; default ``nyxqa_data``.
    :param source: Where pages come from, as ``[web] source`` has it.
    :param limit: Most pages to read.
    :param vlm: The model, as ``[vlm] model`` has it.
    :param encoder: The miner, as ``[negatives] encoder`` has it.
    :param workers: Number of processes; default one a core.
    :param seed: Seed of every choice by chance.
    :param settings: Further recipe values by dotted key.
    :param rescan: Read the source again though its files look the same.
    :param as_json: Report each stage as a JSON object on stdout.
    """

    recipe: str | Path | None
    out: str | Path
    source: str | None
    limit: int | None
    vlm: str | None
    encoder: str | None
    workers: int | None
    seed: int | None
    settings: Mapping[str, Any] | None
    rescan: bool
    as_json: bool


def run(
    split: SplitName = "train",
    *,
    retry_failed: bool = False,
    drop_stale: bool = False,
    **options: Unpack[BuildOptions],
) -> BuildResult:
    """Build one split, or ``all``, of a recipe into a folder; what a stopped run left is not redone.

    :param split: ``train``, ``validation``, ``test`` or ``all``.
    :param retry_failed: Try again the URLs and questions that failed.
    :param drop_stale: Unpublish the splits that were made with other data parameters.
    :param options: As ``BuildOptions`` lists them.
    :raises NyxqaError: With the exit code of the command line.
    """
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.runner.execute import execute

    out = Path(options.get("out", OUT))
    return execute(
        _recipe(options, out),
        split,
        out,
        _workers(options),
        Progress(options.get("as_json", False)),
        drop_stale=drop_stale,
        rescan=options.get("rescan", False),
        retry_failed=retry_failed,
    )


def estimate(split: SplitName = "train", **options: Unpack[BuildOptions]) -> Estimate:
    """What the build would ask of a model, as far as that can be told before it is asked; options as in ``run``.

    The pages are read and cut, which a later build need not do again; nothing is published.

    :raises NyxqaError: With the exit code of the command line.
    """
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.runner.execute import estimate as estimate_build

    out, progress = Path(options.get("out", OUT)), Progress(options.get("as_json", False))
    recipe, rescan = _recipe(options, out), options.get("rescan", False)
    return estimate_build(recipe, split, out, _workers(options), progress, rescan)


def _workers(options: BuildOptions) -> int | None:
    """Number of processes; None for the default.

    :raises UsageError: If it is no such number.
    """
    from nyxqa.schemas.errors import UsageError

    workers = options.get("workers")
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise UsageError(f"workers={workers!r} is no number of processes; give 1 or more, or None for one a core")
    return workers


def _recipe(options: BuildOptions, out: Path) -> Recipe:
    """The recipe with what ``options`` set of it.

    :raises TypeError: If there is no such option.
    :raises UsageError: If they name no source, and ``out`` has the unfinished build of another than the default.
    """
    from nyxqa.builders.runner.published import refuse_other_source
    from nyxqa.schemas.recipe_file import read_recipe

    given: Mapping[str, Any] = dict(options)
    if unknown := given.keys() - BuildOptions.__annotations__.keys():
        raise TypeError(f"no option is named {min(unknown)!r}; there are {', '.join(BuildOptions.__annotations__)}")
    overrides = {key: given[name] for name, key in _KEYS.items() if given.get(name) is not None}
    named = options.get("recipe") or ("sample" if options.get("source") in (None, "sample") else "nyxqa")
    overrides |= dict(options.get("settings") or {})
    recipe = read_recipe(str(named), overrides)
    if not options.get("recipe") and not {"web", "web.source"} & overrides.keys():
        refuse_other_source(out, recipe)
    return recipe
