"""Write the manifest of a build: its recipe, versions, and the counts of every stage."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nyxqa.builders.assembly.inputs import RESULT
from nyxqa.builders.chunking.tokenizers import tokenizer_name, tokenizer_revision
from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.step import Step, StepReport
from nyxqa.builders.engine.trace import TracedStep
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.pipeline import Built
from nyxqa.builders.report.funnel import joined_stages
from nyxqa.builders.runner.deviations import deviations
from nyxqa.builders.stages.benchmark import benchmark_counts
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.credentials import redacted
from nyxqa.schemas.files import read_json
from nyxqa.schemas.manifest import FileEntry, Manifest, StageEntry
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.version import VERSION

_LIBRARIES = (
    "pyarrow",
    "pillow",
    "duckdb",
    "numpy",
    "turbohtml",
    "tokenizers",
    "transformers",
    "torch",
    "faiss-cpu",
)
_NO_USAGE = {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}


def stage_entries(
    reports: Sequence[StepReport], splits: Mapping[str, Step], counts: Mapping[str, Mapping[str, Any]]
) -> list[StageEntry]:
    """One entry for each stage and split, its steps joined.

    :param splits: By split, the step of stage ``assemble`` that decides its published form.
    :param counts: By split, the counts of stage ``assemble``, taken from the tables.
    """
    seconds = sum(report.seconds for report in reports if (report.step.stage, report.step.split) == ("assemble", ""))
    entries = joined_stages([TracedStep.of(report) for report in reports])
    tables = [StepReport(step, Counts(**counts[split]), seconds / len(splits)) for split, step in splits.items()]
    return entries + joined_stages([TracedStep.of(report) for report in tables])


def build_manifest(recipe: Recipe, revisions: dict[str, str], run: WorkingRun, built: Built) -> Manifest:
    """The manifest of a finished build.

    :param recipe: The recipe as given, before its names on the Hub are pinned.
    :param revisions: Commits that these names, and that of the source, resolved to.
    :param run: The run, for the reports of its steps.
    :param built: The outputs of the stages.
    """
    result: dict[str, Any] = read_json(built.tables.folder / RESULT)
    benchmark = {} if built.benchmark is None else {"benchmark": benchmark_counts(built.benchmark)}
    return Manifest(
        recipe=portable_recipe(recipe),
        seed=recipe.seed,
        versions=versions(),
        revisions={**revisions, **tokenizer_revision(recipe.chunk.tokenizer)},
        deviations=deviations(recipe),
        stages=stage_entries(run.reports, built.splits, result["counts"]),
        files={path: FileEntry(**entry) for path, entry in result["files"].items()},
        certificate=result["certificate"],
        usage=_usage(built),
        summary={**result["summary"], **benchmark},
    )


def _usage(built: Built) -> dict[str, int]:
    """Requests and tokens of all models, earlier runs included."""
    asked = [handle.usage() for handle in (built.handle, built.verifier) if handle is not None]
    return {name: sum(one[name] for one in asked) for name in _NO_USAGE}


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON types, without paths of this machine and URLs of endpoints."""
    plain = recipe.model_dump(mode="json", by_alias=True)
    if plain["web"] is not None:
        plain["web"]["source"] = _without_folder(plain["web"]["source"])
    plain["chunk"]["tokenizer"] = tokenizer_name(recipe.chunk.tokenizer)
    plain["filters"]["decontaminate"] = [Path(file).name for file in plain["filters"]["decontaminate"]]
    if isinstance(plain["images"]["allow_private"], list):  # host names of a private network
        plain["images"]["allow_private"] = [f"{len(plain['images']['allow_private'])} not named"]
    plain["review"]["files"] = [
        Path(file).name if Path(file).is_absolute() else file for file in plain["review"]["files"]
    ]
    del plain["duckdb"], plain["train"]  # neither limits of a machine nor a training changes the data
    for key in ("style", "prompt"):
        plain["synthesize"][key] = Path(plain["synthesize"][key]).name
    for section in ("vlm", "captions", "verify"):
        plain[section]["model"] = plain[section]["model"].partition("@http")[0]
    plain["negatives"]["encoder"] = make_encoder(recipe.negatives.encoder).name
    plain["filters"]["difficulty_encoder"] = make_encoder(recipe.filters.difficulty_encoder).name
    plain["qrels"]["systems"] = [make_encoder(spec).name for spec in recipe.qrels.systems]
    for text in plain["text"]:
        text |= {key: _without_folder(text[key]) for key in ("questions", "passages")}
        text["encoder"] = make_encoder(text["encoder"]).name
    for section in plain["qa"]:
        given = section["corpus"]
        section["questions"] = _without_folder(section["questions"])
        section["corpus"] = [_without_folder(one) for one in ([given] if isinstance(given, str) else given)]
        section["encoder"] = make_encoder(section["encoder"]).name
    for section in plain["import"]:
        section |= {key: Path(section[key]).name for key in ("path", "images") if section[key] is not None}
    return {name: _redacted(value) for name, value in plain.items()}


def _redacted(value: Any) -> Any:
    """A value of a recipe without credentials of URLs."""
    if isinstance(value, dict):
        return {name: _redacted(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_redacted(one) for one in value]
    return redacted(value) if isinstance(value, str) else value


def _without_folder(source: str) -> str:
    """A source without the folder of its file; a name on the Hub is not changed."""
    kind, colon, path = source.partition(":")
    return source if not colon or kind == "hf" or path.startswith("hf:") else f"{kind}:{Path(path).name}"


def versions() -> dict[str, str]:
    """Versions of nyxqa, of Python and of each library that the bytes of the data depend on."""
    return {
        "nyxqa": VERSION,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }
