"""Step ``evaluate/mmeb``: whether the right candidate of each row has the highest score."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step
from nyxqa.builders.evaluate.mmeb.rows import Task
from nyxqa.retriever.encoders.dense import VectorEncoder, VectorIndex
from nyxqa.retriever.encoders.factory import is_dense
from nyxqa.retriever.evaluation.prefixes import full_dim
from nyxqa.retriever.models.encode import truncate_and_normalise
from nyxqa.retriever.protocols import Encoder, Index, SearchEntry

VERSION = 1
_BLOCK = 256  # queries encoded at a time, with their images

Right = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]


def task_precision(
    run: Run, task: Task, encoder: Encoder, spec: str, state: Sequence[object], dims: Sequence[int]
) -> dict[int, Right]:
    """For each prefix length 1.0 where the right candidate scores above all others, float64 [rows].

    A tie is wrong: a model that scores everything alike finds nothing.

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
