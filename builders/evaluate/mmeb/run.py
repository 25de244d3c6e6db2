"""``nyxqa evaluate mmeb_eval:DIR``: encode queries and candidates of each task, and count the right ones on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import WorkingRun
from nyxqa.builders.engine.workdir import output_folder
from nyxqa.builders.evaluate.mmeb.precision import task_precision
from nyxqa.builders.evaluate.mmeb.report import Measured, figures, render
from nyxqa.builders.evaluate.mmeb.rows import read_task, task_files
from nyxqa.builders.evaluate.options import EXACT, EvaluateOptions, system_names
from nyxqa.builders.evaluate.result import FOLDER, Evaluation
from nyxqa.builders.question_sets.importers.images import ImageFolder
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import UsageError, nearest

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
