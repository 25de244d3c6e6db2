"""Which train questions feedback asks, and which documents of a pool are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.engine.part_files import is_done
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.workdir import step_folder
from nyxqa.builders.stages.names import pool_stage
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.recipe import Feedback


@dataclass(frozen=True)
class Selected:
    """The questions that are asked, by (dataset, query_id).

    :param spots: int64, where each is: a row of ``triplets``, or -1 - row of ``qa`` for one without a triplet.
    :param labelled: bool, whether any answer to it could be right.
    :param left_out: Number of train questions that are not among them.
    :param all_triplets: Whether they are the rows of ``triplets`` and no others.
    """

    spots: npt.NDArray[np.int64]
    labelled: npt.NDArray[np.bool_]
    left_out: int
    all_triplets: bool

    def __len__(self) -> int:
        return len(self.spots)


def select(triplets: IdTable | None, questions: IdTable | None, settings: Feedback, seed: int) -> Selected:
    """The questions of ``feedback.datasets`` up to ``feedback.caps``; questions without a triplet need an answer."""
    named = [_keys(triplets, questions)] if triplets is not None else []
    if questions is not None:
        named.append(_without_triplet(questions, triplets))
    table = pa.concat_tables(named)
    order = pc.sort_indices(table, sort_keys=[("dataset", "ascending"), ("query_id", "ascending")])
    table = table.take(order)
    total = table.num_rows
    if settings.datasets:
        table = table.filter(pc.is_in(table["dataset"], pa.array(settings.datasets)))
    if settings.caps:
        table = table.filter(pa.array(_within_caps(table, settings.caps, seed)))
    spots = table["spot"].to_numpy()
    whole = triplets is not None and len(spots) == triplets.table.num_rows and bool((spots >= 0).all())
    return Selected(spots, table["labelled"].to_numpy(zero_copy_only=False), total - table.num_rows, whole)


def _keys(triplets: IdTable, questions: IdTable | None) -> pa.Table:
    table = triplets.table
    answered = pc.greater(pc.list_value_length(table.column("answers")), 0)
    if questions is not None and not pc.all(answered).as_py():
        ids = table.column("query_id").filter(pc.invert(answered)).to_pylist()
        rows = questions.rows(ids)
        options = questions.table.column("label").take(pa.array(np.maximum(rows, 0))).to_numpy()
        able = answered.to_numpy().copy()
        able[~answered.to_numpy()] = (rows >= 0) & (options >= 0)
        answered = pa.chunked_array([pa.array(able)])
    return _table(table.column("dataset"), table.column("query_id"), np.arange(table.num_rows), answered)


def _without_triplet(questions: IdTable, triplets: IdTable | None) -> pa.Table:
    table = questions.table
    ids = table.column("qa_id")
    rows = np.arange(table.num_rows)
    if triplets is not None:
        rows = rows[triplets.rows(ids.to_pylist()) < 0]
    taken = pa.array(rows)
    answered = pa.chunked_array([pa.array(np.ones(len(rows), np.bool_))])
    return _table(table.column("dataset").take(taken), ids.take(taken), -1 - rows, answered)


def _table(dataset: Any, query_id: Any, spots: npt.NDArray[np.int64], labelled: Any) -> pa.Table:
    columns = {"dataset": dataset, "query_id": query_id, "spot": pa.array(spots, pa.int64()), "labelled": labelled}
    return pa.table(columns)


def _within_caps(table: pa.Table, caps: Mapping[str, int], seed: int) -> npt.NDArray[np.bool_]:
    """Whether each question is among the first of its dataset by keyed hash, as many as its cap."""
    datasets, ids = table["dataset"].to_pylist(), table["query_id"].to_pylist()
    keep = np.ones(len(ids), np.bool_)
    for dataset, cap in caps.items():
        own = [place for place, name in enumerate(datasets) if name == dataset]
        own.sort(key=lambda place: (keyed_hash(seed, "feedback/cap", ids[place]), ids[place]))
        keep[own[cap:]] = False
    return keep


def passages_of(manifest: Manifest, work: Path, pool: str) -> StepOutput | None:
    """The build's output with all passages of ``pool``, or None if it is missing."""
    stage = pool_stage(pool)
    entry = next((entry for entry in manifest.stages if entry.name == stage), None)
    if entry is None:
        return None
    folder = step_folder(work, stage, "", entry.fingerprint)
    return StepOutput(entry.fingerprint, folder) if is_done(folder) else None


def sections_of(manifest: Manifest, pool: str) -> list[dict[str, Any]]:
    """The sections of question sets whose documents are in ``pool``."""
    sections = [*manifest.recipe.get("text", []), *manifest.recipe.get("qa", [])]
    return [section for section in sections if (section["pool"] or section["name"]) == pool]


def publishes_all(manifest: Manifest, pool: str) -> bool:
    """Whether table ``corpus`` holds all passages of ``pool``."""
    return any(section["keep"] == "all" for section in sections_of(manifest, pool))


def publishes_retrieved(manifest: Manifest, pool: str) -> bool:
    """Whether ``pool`` is what was retrieved for all questions, which stage 2 then searches (Nyx paper)."""
    kept = {section["keep"] for section in sections_of(manifest, pool)}
    return "retrieved" in kept and "all" not in kept
