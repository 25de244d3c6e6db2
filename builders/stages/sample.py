"""Stage ``sample``: choose the documents of a split that questions are asked about, the seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
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
from nyxqa.builders.engine.part_files import part_file
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.report.lines import ANY
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.builders.stages.split import SEEDS_PER_QUESTION
from nyxqa.builders.update.parent import PublishedDocuments, UpdateInputs
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.recipe import Sample, SplitSection

VERSION = 2
_SHARDS_VERSION = 3
_SHARD_SEEDS = 256  # a shard ends with the part file that brings it to this many seeds
_SHARD_FILES = 64  # part files of a shard at most
_CHOSEN = pa.schema([("chosen", pa.bool_())])
_DRAW = np.dtype([("hash", "u8"), ("id", "u8"), ("kind", "i1")])
_NOT_ELIGIBLE = -1

Task = tuple[tuple[Path, Path], ...]  # part files of documents, each with the file of its choices


def sample(
    run: Run,
    documents: StepOutput,
    settings: Sample,
    sizes: SplitSection,
    seed: int,
    split: str,
    update: UpdateInputs | None = None,
) -> StepOutput:
    """Choose the seeds of one split by keyed hash, per kind (Nyx step 3).

    In an update published documents are not seeds again, and those with questions count for the quota; a split that
    does not grow gets no seeds.

    :param documents: Rows of SPLIT_DOCUMENTS.
    :param sizes: Sizes of the splits, which limit the seeds of validation and test.
    :param update: The published version, if there is one with questions of this split.
    :returns: The chosen rows of SPLIT_DOCUMENTS.
    """
    params = {"seed": seed, "quota": quotas(settings, sizes, split), "min_tokens": settings.min_tokens}
    if update is not None:
        params |= {**update.params(), "grow": split in update.settings.grow}
    return decide_then_apply(
        run,
        documents,
        Step("sample/choose", VERSION, params, split=split),
        partial(write_chosen, documents, params, split, update=update),
        Step("sample", _SHARDS_VERSION, split=split, unit_in="document", unit_out="document"),
        _tasks,
        partial(sample_shard, split),
        SPLIT_DOCUMENTS,
    )


def _tasks(documents: StepOutput, chosen: StepOutput) -> Iterator[Task]:
    """Part files that make one shard: enough of them that few seeds of many documents leave no tiny shards."""
    files: list[tuple[Path, Path]] = []
    seeds = 0
    for pair in paired_files(documents, chosen):
        files.append(pair)
        seeds += pa.compute.sum(pq.read_table(pair[1])["chosen"]).as_py() or 0
        if seeds >= _SHARD_SEEDS or len(files) == _SHARD_FILES:
            yield tuple(files)
            files, seeds = [], 0
    if files:
        yield tuple(files)


def quotas(settings: Sample, sizes: SplitSection, split: str) -> dict[str, int] | None:
    """Most seeds by kind, the key "" for all kinds together; None without a limit."""
    if split != "train":
        questions = getattr(sizes, split)
        return None if isinstance(questions, float) else dict.fromkeys(KINDS, SEEDS_PER_QUESTION * questions)
    if settings.count is None:
        return None
    if settings.shares is None:
        return {"": settings.count}
    quota = {kind: round(settings.count * getattr(settings.shares, kind)) for kind in ("single", "multi")}
    return {"text": settings.count - sum(quota.values()), **quota}


def write_chosen(
    documents: StepOutput, params: dict[str, Any], split: str, folder: Path, update: UpdateInputs | None = None
) -> None:
    """Write which documents are seeds: per kind the first by keyed hash among those long enough.

    Writes one file per shard with one row per document; holds 25 bytes per document in memory, and 64 more for each
    published one.

    :param params: ``seed``, ``quota`` and ``min_tokens``, as the step's parameters hold them, and in an update whether
        the split may ``grow``.
    :param update: The published version, none of whose documents of the split is a seed.
    """
    quota: dict[str, int] | None = params["quota"]
    kinds = {kind: 0 if quota is not None and "" in quota else code for code, kind in enumerate(KINDS)}
    counts, all_draws = [], [np.zeros(0, _DRAW)]
    known = None if update is None else PublishedDocuments(update.tables, split)
    asked: Counter[str] = Counter()
    for file in documents.files():
        table = pq.read_table(file, columns=["doc_id", "kind", "n_tokens", "split"])
        is_known = [False] * table.num_rows
        if known is not None:
            is_known = known.holds(table["doc_id"]).tolist()
            own = pa.compute.equal(table["split"], split).to_numpy(zero_copy_only=False)
            asked.update(table["kind"].filter(pa.array(known.asks(table["doc_id"]) & own)).to_pylist())
        draws = [
            (keyed_hash(params["seed"], "sample", row["doc_id"]), int(row["doc_id"][:16], 16), kinds[row["kind"]])
            if row["split"] == split and row["n_tokens"] >= params["min_tokens"] and not published
            else (0, 0, _NOT_ELIGIBLE)
            for row, published in zip(table.to_pylist(), is_known, strict=True)
        ]
        counts.append(len(draws))
        all_draws.append(np.array(draws, _DRAW))
    if not params.get("grow", True):
        quota = dict.fromkeys(KINDS, 0)
    elif quota is not None:
        quota = {kind: max(0, most - (asked[kind] if kind else asked.total())) for kind, most in quota.items()}
    chosen = _within_quota(np.concatenate(all_draws), quota)
    for shard, end in enumerate(np.cumsum(counts, dtype=np.int64).tolist()):
        own = chosen[end - counts[shard] : end]
        write_table(part_file(folder, shard), pa.table([pa.array(own)], schema=_CHOSEN))


def _within_quota(draws: npt.NDArray[Any], quota: dict[str, int] | None) -> npt.NDArray[np.bool_]:
    """Whether each document is within the quota of its kind, in the order of hashes and then of ids."""
    eligible: npt.NDArray[np.bool_] = draws["kind"] != _NOT_ELIGIBLE
    if quota is None:
        return eligible
    chosen = np.zeros(len(draws), np.bool_)
    for code, kind in enumerate(KINDS):
        own = np.flatnonzero(draws["kind"] == code)
        order = own[np.lexsort((draws["id"][own], draws["hash"][own]))]
        chosen[order[: quota.get(kind, quota.get("", 0))]] = True
    return chosen


def sample_shard(split: str, task: Task) -> ShardOutput:
    """Seeds of one shard; the other documents of the split are counted as not sampled."""
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


def sample_shortfall(
    settings: Sample, sizes: SplitSection, seeds: StepOutput, published: Mapping[str, int] | None = None
) -> dict[str, int]:
    """By kind, how many seeds fewer than ``sample.count`` asks for the train split has.

    :param published: By kind, documents with questions of the version that an update started from.
    """
    quota = quotas(settings, sizes, "train") or {}
    have: Counter[str] = Counter(published or {})
    for file in seeds.files():
        have.update(pq.read_table(file, columns=["kind"])["kind"].to_pylist())
    missing = {kind or ANY: wanted - (have[kind] if kind else have.total()) for kind, wanted in quota.items()}
    return {kind: count for kind, count in missing.items() if count > 0}
