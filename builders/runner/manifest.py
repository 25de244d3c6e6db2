"""The manifest's stage entries out of the reports of a run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nyxqa.builders.assembly.inputs import RESULT
from nyxqa.builders.chunking.tokenizers import tokenizer_file
from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.run import WorkingRun
from nyxqa.builders.engine.step import Step, StepReport
from nyxqa.builders.pipeline import Built
from nyxqa.builders.runner.deviations import deviations
from nyxqa.builders.stages.benchmark import benchmark_counts
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.files import read_json
from nyxqa.schemas.manifest import FileEntry, Manifest, StageEntry
from nyxqa.schemas.recipe import Recipe
from nyxqa.schemas.version import VERSION

_DECIDING = (
    "pyarrow",
    "pillow",
    "duckdb",
    "bm25s",
    "numpy",
    "lxml",
    "tokenizers",
    "transformers",
    "torch",
    "faiss-cpu",
)


_NO_USAGE = {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}


def stage_entries(
    reports: Sequence[StepReport], splits: Mapping[str, Step], counts: Mapping[str, Mapping[str, Any]]
) -> list[StageEntry]:
    """One entry for each stage and split, its steps joined; stage ``assemble`` has its counts from the tables."""
    # What a stage prepares, uncounted, may be done before the stages in front of it.
    counted = [report for report in reports if report.counts is not None]
    stages: dict[tuple[str, str], list[StepReport]] = {(one.step.stage, one.step.split): [] for one in counted}
    for report in reports:
        stages.setdefault((report.step.stage, report.step.split), []).append(report)
    seconds = sum(report.seconds for report in stages.pop(("assemble", ""), []))
    # A recipe without pages has nothing of stage ``filter`` but the benchmark's index.
    entries = [_entry(steps) for steps in stages.values() if any(one.counts is not None for one in steps)]
    for split, step in splits.items():
        entries.append(_numbers(step, step, Counts(**counts[split]), seconds / len(splits)))
    return entries


def _entry(steps: Sequence[StepReport]) -> StageEntry:
    counted = [report for report in steps if report.counts is not None]
    total = counted[0].counts or Counts()
    for report in counted[1:]:
        total = total.then(report.counts or Counts())
    return _numbers(counted[0].step, counted[-1].step, total, sum(report.seconds for report in steps))


def _numbers(first: Step, last: Step, counts: Counts, seconds: float) -> StageEntry:
    return StageEntry(
        name=last.stage,
        split=last.split,
        fingerprint=last.fingerprint,
        unit_in=first.unit_in,
        unit_out=last.unit_out,
        rows_in=counts.rows_in,
        parents=counts.parents,
        dropped=counts.dropped,
        not_sampled=counts.not_sampled,
        rows_out=counts.rows_out,
        seconds=round(seconds, 3),
    )


def build_manifest(recipe: Recipe, revisions: dict[str, str], run: WorkingRun, built: Built) -> Manifest:
    """What ``run`` made of ``recipe``.

    :param recipe: As given, its names on the Hub not yet pinned.
    :param revisions: What these names, and those of the source, stood for.
    """
    result: dict[str, Any] = read_json(built.tables.folder / RESULT)
    held = {} if built.benchmark is None else {"benchmark": benchmark_counts(built.benchmark)}
    return Manifest(
        recipe=portable_recipe(recipe),
        seed=recipe.seed,
        versions=versions(),
        revisions=revisions,
        deviations=deviations(recipe),
        stages=stage_entries(run.reports, built.splits, result["counts"]),
        files={path: FileEntry(**entry) for path, entry in result["files"].items()},
        certificate=result["certificate"],
        usage=built.handle.usage() if built.handle is not None else _NO_USAGE,
        summary={**result["summary"], **held},
    )


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
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


def versions() -> dict[str, str]:
    """Version of Python and of each library that decides bytes."""
    return {"nyxqa": VERSION, "python": platform.python_version(), **{name: version(name) for name in _DECIDING}}
