"""``nyxqa evaluate mmeb_eval:DIR``: encode queries and candidates of each task, and count the right ones on top."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step
from nyxqa.builders.engine.workdir import output_folder
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.evaluate.mmeb.report import Measured, figures, render
from nyxqa.builders.evaluate.mmeb.rows import Task, read_task, task_files
from nyxqa.builders.evaluate.options import EXACT, EvaluateOptions, system_names
from nyxqa.builders.evaluate.result import FOLDER, Evaluation
from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.retriever.evaluation.evaluate import full_dim
from nyxqa.retriever.models.batching import truncate_and_normalise
from nyxqa.retriever.protocols import Encoder, Index, SearchEntry
from nyxqa.schemas.errors import UsageError, nearest

VERSION = 1
_BLOCK = 256  # queries encoded at a time, with their images
Right = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
PREFIX = "mmeb_eval:"
NAME = "mmeb_eval"


def evaluate_mmeb(root: Path, options: EvaluateOptions, progress: Progress) -> Evaluation:
    """Precision@1 of each retriever by task and meta-task, written to ``root/evaluation``.

    :param root: Folder with a folder of rows for each task, and the images.
    :param options: Of these retrievers, datasets (tasks), dims, limit, name and executor are used.
    :raises NyxqaError: If something fails, as the subclass that fits; nothing is written then.
    """
    _check(options)
    names = system_names(options.retrievers)
    files = task_files(root)
    for wanted in options.datasets:
        if wanted not in files:
            raise UsageError(f"--dataset {wanted!r}: {root.name} has no such task{nearest(wanted, sorted(files))}")
    chosen = {name: some for name, some in files.items() if not options.datasets or name in options.datasets}
    tasks: dict[str, dict[str, Any]] = {}
    images = ImageFolder(root)
    found: dict[tuple[str, int], Measured] = {}
    with output_folder(root, others=True) as work, make_executor(options.executor, options.workers, root) as executor:
        run = WorkingRun(work, executor, progress, traced=False)
        for spec in options.retrievers:  # one model is in memory at a time, and the rows of one task
            encoder = make_encoder(spec)
            for name, listed in chosen.items():
                task = read_task(name, listed, images, options.limit)
                tasks[name] = task.counts()
                state = [*_state(root, listed), options.limit]
                for dim, values in task_precision(run, task, encoder, spec, state, options.dims).items():
                    one = found.setdefault((names[spec], dim), Measured(names[spec], dim, {}))
                    found[names[spec], dim] = Measured(one.system, dim, {**one.right, name: values})
    order = sorted(found.values(), key=lambda one: (list(names.values()).index(one.system), -one.dim))
    counted = figures(tasks, order, options.limit)
    name = options.name or NAME
    done = Evaluation(root / FOLDER, name, counted, render(counted, name))
    done.write()
    return done


def _check(options: EvaluateOptions) -> None:
    """Refuse what candidates of rows have no part in.

    :raises UsageError: Naming the option.
    """
    options.check()
    for flag, given in (
        ("--vlm", options.vlm),
        ("--run", options.runs),
        ("--reranker", options.reranker),
        ("--index", options.index != EXACT),
    ):
        if given:
            raise UsageError(f"{flag} has no part in mmeb_eval: its rows bring their candidates")
    if not options.retrievers:
        raise UsageError("nothing to evaluate: give --retriever SPEC, once or more")


def _state(root: Path, files: list[Path]) -> list[list[object]]:
    """Relative path, size and time of each file."""
    return [[file.relative_to(root).as_posix(), file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def task_precision(
    run: Run, task: Task, encoder: Encoder, spec: str, state: Sequence[object], dims: Sequence[int]
) -> dict[int, Right]:
    """For each prefix length 1.0 where the right candidate scores above all others, float64 [rows].

    A tie is wrong: a model that scores everything equally finds nothing.

    :param state: What the rows of the task depend on.
    :param dims: Prefix lengths that are wanted; the full length if empty or all are longer.
    """
    params = {"task": task.name, "rows": list(state), "encoder": encoder.fingerprint}
    step = Step("evaluate/mmeb", VERSION, params)
    output = run.run_once(step, partial(_build, task, encoder), resume=is_dense(spec), encoder=is_dense(spec))
    index = encoder.open(output.folder)
    full = full_dim(index)
    chosen = tuple(dim for dim in dict.fromkeys(dims) if dim <= full) or (full,)
    right = {dim: np.zeros(len(task.queries)) for dim in chosen}
    entries = task.entries(task.queries, encoder.needs_images)
    block: list[SearchEntry] = []
    for number, entry in enumerate(entries, 1):
        block.append(entry)
        if len(block) == _BLOCK or number == len(task.queries):
            rows = range(number - len(block), number)
            for dim, scores in _scores(encoder, index, block, [task.targets[row] for row in rows], chosen):
                for row, own in zip(rows, scores, strict=True):
                    right[dim][row] = float(len(own) == 1 or own[0] > own[1:].max())
            block = []
    return right


def _build(task: Task, encoder: Encoder, folder: Path) -> None:
    encoder.build(task.entries(task.candidates, encoder.needs_images), folder)


def _scores(
    encoder: Encoder, index: Index, block: Sequence[SearchEntry], targets: Sequence[Sequence[int]], dims: Sequence[int]
) -> list[tuple[int, list[npt.NDArray[np.float64]]]]:
    """For each prefix length, the scores of the candidates of each query."""
    if not isinstance(encoder, VectorEncoder) or not isinstance(index, VectorIndex):
        return [(dim, [_listed(index, entry, own) for entry, own in zip(block, targets, strict=True)]) for dim in dims]
    queries = encoder.encode(block, "query")
    documents = [_gathered(index, own) for own in targets]
    found = []
    for dim in dims:
        cut = dim < queries.shape[1]
        short = truncate_and_normalise(queries, dim) if cut else queries
        scores = [
            ((truncate_and_normalise(own, dim) if cut else own) @ query).astype(np.float64)
            for query, own in zip(short, documents, strict=True)
        ]
        found.append((dim, scores))
    return found


def _gathered(index: VectorIndex[object], rows: Sequence[int]) -> Vectors:
    """Vectors of some rows, float32 [rows, dimensions]."""
    wanted = np.asarray(rows)
    found = np.empty((len(rows), index.vectors.dimensions), dtype=np.float32)
    for start, shard in index.vectors.shards():
        inside = (wanted >= start) & (wanted < start + len(shard))
        found[inside] = shard[wanted[inside] - start]
    return found


def _listed(index: Index, query: SearchEntry, rows: Sequence[int]) -> npt.NDArray[np.float64]:
    """Scores from a search of the whole index; 0 for what it does not find."""
    hits = index.search([query], len(index.ids))
    scores = dict(zip(hits.rows[0].tolist(), hits.scores[0].tolist(), strict=True))
    return np.array([scores.get(row, 0.0) for row in rows])
