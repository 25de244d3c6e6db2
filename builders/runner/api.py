"""The functions of ``nyxqa.build``: run a build, and estimate its requests to a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

if TYPE_CHECKING:
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.report.estimate import Estimate
    from nyxqa.builders.runner.request import BuildRequest, BuildResult
    from nyxqa.schemas.recipe import Recipe
    from nyxqa.schemas.recipe_types import SplitName

OUT = "nyxqa_data"
# Options that each override one value of the recipe.
_KEYS: dict[str, str] = {
    "source": "web.source",
    "limit": "web.limit",
    "vlm": "vlm.model",
    "encoder": "negatives.encoder",
    "seed": "seed",
}


class BuildOptions(TypedDict, total=False):
    """What ``run`` and ``estimate`` take besides the split.

    :param recipe: Name of a shipped recipe or a TOML file; default ``sample``, or ``nyxqa`` if a source is given.
    :param out: Folder of the dataset; default ``nyxqa_data``.
    :param source: Where pages come from: ``web.source`` of the recipe.
    :param limit: Most pages to read: ``web.limit``.
    :param vlm: The model that writes questions: ``vlm.model``.
    :param encoder: The retriever that mines negatives: ``negatives.encoder``.
    :param executor: Where shards are worked on: ``local``, the default, which is worker processes on this machine, or
        ``ray`` or ``ray:HOST:PORT``, a Ray cluster whose nodes all see ``out``.
    :param workers: Number of worker processes, on Ray most shards at a time; default one per core.
    :param seed: Seed of every random choice: ``seed``.
    :param settings: Further recipe values by dotted key.
    :param update: Bring the dataset published in ``out`` up to date with its pages.
    :param rescan: Read the source again although its files look unchanged.
    :param as_json: Report each step as a JSON object on stdout.
    :param verbose: Print a line for each step within a stage as well.
    """

    recipe: str | Path | None
    out: str | Path
    source: str | None
    limit: int | None
    vlm: str | None
    encoder: str | None
    executor: str
    workers: int | None
    seed: int | None
    settings: Mapping[str, Any] | None
    update: bool
    rescan: bool
    as_json: bool
    verbose: bool


def run(
    split: SplitName | None = None,
    *,
    retry_failed: bool = False,
    drop_stale: bool = False,
    **options: Unpack[BuildOptions],
) -> BuildResult:
    """Build one split, or ``all``, of a recipe into a folder, resuming what a stopped run left.

    :param split: ``train``, ``validation``, ``test`` or ``all``; None for train, in an update for the published ones.
    :param retry_failed: Try again the URLs and questions that failed.
    :param drop_stale: Unpublish the splits that were made with other data parameters.
    :param options: See ``BuildOptions``.
    :raises NyxqaError: If the build fails; its ``exit_code`` is that of the command line.
    """
    from dataclasses import replace

    from nyxqa.builders.runner.execute import execute

    request = replace(_request(split, options), retry_failed=retry_failed, drop_stale=drop_stale)
    return execute(request, _progress(options))


def estimate(split: SplitName | None = None, **options: Unpack[BuildOptions]) -> Estimate:
    """What the build would ask of a model, as far as that is known before it is asked; options as in ``run``.

    The pages are read and chunked, which a later build need not repeat; nothing is published.

    :raises NyxqaError: If the pages cannot be read; its ``exit_code`` is that of the command line.
    """
    from nyxqa.builders.runner.execute import estimate as estimate_build

    return estimate_build(_request(split, options), _progress(options))


def _request(split: SplitName | None, options: BuildOptions) -> BuildRequest:
    from nyxqa.builders.engine.executors.factory import DEFAULT, make_executor
    from nyxqa.builders.runner.request import BuildRequest
    from nyxqa.schemas.errors import UsageError
    from nyxqa.schemas.web.s3 import is_s3

    out = Path(options.get("out", OUT))
    if is_s3(out):
        raise UsageError(
            f"--out {options.get('out', OUT)}: a dataset is built in a folder on a disk; copy it to S3 with: nyxqa "
            "push FOLDER s3://BUCKET/PREFIX"
        )
    recipe = _recipe(options, out)
    executor = make_executor(options.get("executor", DEFAULT), _workers(options), out)
    rescan, update = options.get("rescan", False), options.get("update", False)
    wanted: SplitName | None = "train" if split is None and not update else split
    return BuildRequest(recipe, wanted, out, executor, rescan=rescan, update=update)


def _progress(options: BuildOptions) -> Progress:
    from nyxqa.builders.engine.progress import Progress

    return Progress(options.get("as_json", False), verbose=options.get("verbose", False))


def _workers(options: BuildOptions) -> int | None:
    """Number of worker processes; None for the default.

    :raises UsageError: If it is not a positive integer.
    """
    from nyxqa.schemas.errors import UsageError

    workers = options.get("workers")
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise UsageError(f"workers={workers!r} is not a number of processes; give 1 or more, or None for one per core")
    return workers


def _recipe(options: BuildOptions, out: Path) -> Recipe:
    """The recipe with the values that ``options`` override.

    :raises TypeError: If an option is unknown.
    :raises UsageError: If no source is given and ``out`` holds the unfinished build of a source other than the default.
    """
    from nyxqa.builders.runner.published import refuse_other_source
    from nyxqa.schemas.recipe_file import read_recipe

    given: Mapping[str, Any] = dict(options)
    if unknown := given.keys() - BuildOptions.__annotations__.keys():
        raise TypeError(
            f"{min(unknown)!r} is not an option of a build; choose from {', '.join(BuildOptions.__annotations__)}"
        )
    overrides = {key: given[name] for name, key in _KEYS.items() if given.get(name) is not None}
    named = options.get("recipe") or ("sample" if options.get("source") in (None, "sample") else "nyxqa")
    overrides |= dict(options.get("settings") or {})
    recipe = read_recipe(str(named), overrides)
    if not options.get("recipe") and not {"web", "web.source"} & overrides.keys():
        refuse_other_source(out, recipe)
    return recipe
