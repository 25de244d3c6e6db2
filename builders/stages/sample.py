"""Stage ``sample``: which documents of a split are asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.decide import decide_then_apply, paired_files
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import part_file, write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.report.lines import ANY
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.builders.stages.split import SEEDS_PER_QUESTION
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.recipe import Recipe

VERSION = 2
_SHARDS_VERSION = 3
_SEEDS = 256  # of a shard, as far as part files give them
_FILES = 64  # that a shard is made of at most
_CHOSEN = pa.schema([("chosen", pa.bool_())])
_LOT = np.dtype([("lot", "u8"), ("id", "u8"), ("kind", "i1")])
_NOT_ASKED = -1

Task = tuple[tuple[Path, Path], ...]  # part files of documents, each with the one that says which are chosen


def sample(run: Run, documents: StepOutput, recipe: Recipe, split: str) -> StepOutput:
    """Choose the seeds of one split by keyed hash, per kind (Nyx step 3)."""
    params = {"seed": recipe.seed, "quota": quotas(recipe, split), "min_tokens": recipe.sample.min_tokens}
    return decide_then_apply(
        run,
        documents,
        Step("sample/choose", VERSION, params, split=split),
        partial(write_chosen, documents, params, split),
        Step("sample", _SHARDS_VERSION, split=split, unit_in="document", unit_out="document"),
        _tasks,
        partial(sample_shard, split),
        SPLIT_DOCUMENTS,
    )


def _tasks(documents: StepOutput, chosen: StepOutput) -> Iterator[Task]:
    """Part files that together hold the seeds of a shard: a few of many documents leave no shards of one or none."""
    files: list[tuple[Path, Path]] = []
    seeds = 0
    for pair in paired_files(documents, chosen):
        files.append(pair)
        seeds += pa.compute.sum(pq.read_table(pair[1])["chosen"]).as_py() or 0
        if seeds >= _SEEDS or len(files) == _FILES:
            yield tuple(files)
            files, seeds = [], 0
    if files:
        yield tuple(files)


def quotas(recipe: Recipe, split: str) -> dict[str, int] | None:
    """Most seeds of each kind, or None for all."""
    if split != "train":
        wanted = getattr(recipe.split, split)
        if isinstance(wanted, float):
            return None
        return dict.fromkeys(KINDS, SEEDS_PER_QUESTION * wanted)
    if recipe.sample.count is None:
        return None
    if recipe.sample.shares is None:
        return {"": recipe.sample.count}
    shares = recipe.sample.shares
    quota = {kind: round(recipe.sample.count * getattr(shares, kind)) for kind in ("single", "multi")}
    return {"text": recipe.sample.count - sum(quota.values()), **quota}


def write_chosen(documents: StepOutput, params: dict[str, Any], split: str, folder: Path) -> None:
    """Write which documents are seeds: per kind the first by keyed hash among those long enough.

    One file for each shard, a row for each of its documents; holds 25 bytes a document.
    """
    quota: dict[str, int] | None = params["quota"]
    kinds = {kind: 0 if quota is not None and "" in quota else code for code, kind in enumerate(KINDS)}
    counts, found = [], [np.zeros(0, _LOT)]
    for file in documents.files():
        table = pq.read_table(file, columns=["doc_id", "kind", "n_tokens", "split"])
        lots = [
            (keyed_hash(params["seed"], "sample", row["doc_id"]), int(row["doc_id"][:16], 16), kinds[row["kind"]])
            if row["split"] == split and row["n_tokens"] >= params["min_tokens"]
            else (0, 0, _NOT_ASKED)
            for row in table.to_pylist()
        ]
        counts.append(len(lots))
        found.append(np.array(lots, _LOT))
    chosen = _first_of_each(np.concatenate(found), quota)
    for shard, end in enumerate(np.cumsum(counts, dtype=np.int64).tolist()):
        own = chosen[end - counts[shard] : end]
        write_table(part_file(folder, shard), pa.table([pa.array(own)], schema=_CHOSEN))


def _first_of_each(lots: npt.NDArray[Any], quota: dict[str, int] | None) -> npt.NDArray[np.bool_]:
    """Which documents are within the quota of their kind, by lot and then by id."""
    asked: npt.NDArray[np.bool_] = lots["kind"] != _NOT_ASKED
    if quota is None:
        return asked
    chosen = np.zeros(len(lots), np.bool_)
    for code, kind in enumerate(KINDS):
        own = np.flatnonzero(lots["kind"] == code)
        order = own[np.lexsort((lots["id"][own], lots["lot"][own]))]
        chosen[order[: quota.get(kind, quota.get("", 0))]] = True
    return chosen


def sample_shard(split: str, task: Task) -> ShardOutput:
    """Seeds of one shard; the split's other documents are not sampled."""
    rows: list[pa.Table] = []
    account = Account([], [], not_sampled=[])
    for files in task:
        documents, chosen = (pq.read_table(file) for file in files)
        own = pa.compute.equal(documents["split"], split)
        documents, mask = documents.filter(own).cast(SPLIT_DOCUMENTS), chosen["chosen"].filter(own)
        rows.append(documents.filter(mask))
        account.inputs = [*account.inputs, *documents["doc_id"].to_pylist()]
        account.parents = [*account.parents, *rows[-1]["doc_id"].to_pylist()]
        left = documents.filter(pa.compute.invert(mask))["doc_id"]
        account.not_sampled = [*account.not_sampled, *left.to_pylist()]
    return ShardOutput(pa.concat_tables(rows).combine_chunks(), account)


def sample_lack(recipe: Recipe, seeds: StepOutput) -> dict[str, int]:
    """Documents of each kind that the train split has fewer to ask about than ``sample.count`` wants."""
    quota = quotas(recipe, "train") or {}
    have: Counter[str] = Counter()
    for file in seeds.files():
        have.update(pq.read_table(file, columns=["kind"])["kind"].to_pylist())
    found = {kind or ANY: wanted - (have[kind] if kind else have.total()) for kind, wanted in quota.items()}
    return {kind: lack for kind, lack in found.items() if lack > 0}
