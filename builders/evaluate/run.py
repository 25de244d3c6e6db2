"""``nyxqa evaluate``: rank, answer, compare, and write the figures beside the dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import Run, WorkingRun
from nyxqa.builders.engine.workdir import output_folder
from nyxqa.builders.evaluate.figures import (
    Scored,
    Slices,
    differences,
    lines,
    means,
    paired,
    retrieval_scores,
)
from nyxqa.builders.evaluate.options import EvaluateOptions
from nyxqa.builders.evaluate.questions import EvalSet
from nyxqa.builders.evaluate.rankings import DEPTH, Ranking, rankings
from nyxqa.builders.evaluate.result import FOLDER, Evaluation
from nyxqa.builders.publish.publish import complete_publishing
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.loading.published import open_published


def evaluate_dataset(data: Path, options: EvaluateOptions, progress: Progress) -> Evaluation:
    """Rank the documents for each question with each retriever, score them, and write the figures.

    :param data: Folder of the dataset; it needs no work folder.
    :raises NyxqaError: If a step fails, as the subclass that fits; nothing is written then.
    """
    options.check()
    names = _names(options.retrievers)
    if not data.is_dir():
        raise FormatError(
            f"{data} is not a folder; build a dataset with: python -m nyxqa.build --split all --out {data}"
        )
    with output_folder(data) as work:
        complete_publishing(data)
        questions = EvalSet(open_published(data), options.split, options.datasets, options.limit)
        notes = pool_notes(questions)
        for note in notes:
            progress.say(note)
        with make_executor(options.executor, options.workers) as executor:
            run = WorkingRun(work, executor, progress)
            ranked = all_rankings(run, questions, options, names)
        evaluation = Evaluation(data / FOLDER, options.file_name, _figures(questions, options, ranked, notes))
        evaluation.write()
        return evaluation


def _names(specs: Sequence[str]) -> dict[str, str]:
    """Name in tables of each retriever, numbered where two models have the same name.

    :raises UsageError: If a retriever is unknown.
    """
    names: dict[str, str] = {}
    for spec in specs:
        name = make_encoder(spec).name
        same = sum(known.partition(" #")[0] == name for known in names.values())
        names[spec] = f"{name} #{same + 1}" if same else name
    return names


def all_rankings(run: Run, questions: EvalSet, options: EvaluateOptions, names: Mapping[str, str]) -> list[Ranking]:
    """The rankings of all retrievers; one model is in memory at a time."""
    found: list[Ranking] = []
    for spec in options.retrievers:
        found += rankings(run, questions, make_encoder(spec), spec, names[spec], options.dims)
    return found


def pool_notes(questions: EvalSet) -> list[str]:
    """What readers must know of the pools."""
    return [
        f"pool {pool} holds only the documents that rows of the dataset name, so its figures are better than in the "
        "whole pool"
        for pool in questions.pools
        if not questions.is_whole(pool)
    ]


def _figures(
    questions: EvalSet, options: EvaluateOptions, ranked: Sequence[Ranking], notes: Sequence[str]
) -> dict[str, Any]:
    slices = Slices(questions.questions)
    scores = [retrieval_scores(ranking) for ranking in ranked]
    return {
        "split": options.split,
        "questions": len(questions),
        "groups": len(set(slices.groups)),
        "pools": {
            name: {"documents": len(pool.places), "whole": questions.is_whole(name)}
            for name, pool in questions.pools.items()
        },
        "settings": {"datasets": list(options.datasets), "limit": options.limit, "depth": DEPTH},
        "notes": list(notes),
        "systems": [_system(score, slices) for score in scores],
        "lines": lines(scores, slices),
        "differences": differences(paired(scores), slices),
    }


def _system(score: Scored, slices: Slices) -> dict[str, Any]:
    """Means of a system over all questions and by dataset."""
    by_dataset = {}
    for dataset in sorted({one.dataset for one in slices.questions}):
        rows = [row for row, one in enumerate(slices.questions) if one.dataset == dataset]
        by_dataset[dataset] = means(
            Scored(score.system, score.dim, {name: values[rows] for name, values in score.values.items()})
        )
    return {"system": score.system, "dim": score.dim, **means(score), "datasets": by_dataset}
