"""Stage ``sample``: which documents of a split are asked about."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.account import Account, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import SPLIT_DOCUMENTS
from nyxqa.builders.split import SEEDS_PER_QUESTION
from nyxqa.schemas.chance import lot
from nyxqa.schemas.recipe import Recipe

VERSION = 1
_CHOSEN = pa.schema([("doc_id", pa.string())])


def sample(run: Run, documents: Parts, recipe: Recipe, split: str) -> Parts:
    """Choose the seeds of one split by keyed hash, per kind (PAPER, stage 3)."""
    params = {"seed": recipe.seed, "quota": quotas(recipe, split), "min_tokens": recipe.sample.min_tokens}
    choose = Step("sample/choose", VERSION, params, (documents.fingerprint,), split)
    chosen = run.whole(choose, partial(write_chosen, documents, params, split))
    step = Step("sample", VERSION, {}, (chosen.fingerprint,), split, unit_in="document", unit_out="document")
    function = partial(sample_shard, chosen.folder / "chosen.parquet", split)
    return run.map(step, function, documents.files, SPLIT_DOCUMENTS)


def quotas(recipe: Recipe, split: str) -> dict[str, int] | None:
    """Most seeds of each kind, or None for all."""
    if split != "train":
        wanted = getattr(recipe.split, split)
        if isinstance(wanted, float):
            return None
        return dict.fromkeys(("text", "single", "multi"), SEEDS_PER_QUESTION * wanted)
    if recipe.sample.count is None:
        return None
    if recipe.sample.shares is None:
        return {"": recipe.sample.count}
    shares = recipe.sample.shares
    quota = {kind: round(recipe.sample.count * getattr(shares, kind)) for kind in ("single", "multi")}
    return {"text": recipe.sample.count - sum(quota.values()), **quota}


def write_chosen(documents: Parts, params: dict[str, Any], split: str, folder: Path) -> None:
    """Write the ids of the seeds: per kind the first by keyed hash among the documents long enough."""
    quota: dict[str, int] | None = params["quota"]
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in documents.rows(["doc_id", "kind", "n_tokens", "split"]):
        if row["split"] == split and row["n_tokens"] >= params["min_tokens"]:
            kind = "" if quota is not None and "" in quota else row["kind"]
            found[kind].append((lot(params["seed"], "sample", row["doc_id"]), row["doc_id"]))
    chosen = [doc for kind, lots in found.items() for _, doc in sorted(lots)[: None if quota is None else quota[kind]]]
    write_table(folder / "chosen.parquet", pa.table([pa.array(sorted(chosen), pa.string())], schema=_CHOSEN))


def sample_shard(chosen: Path, split: str, file: Path) -> ShardOutput:
    """Seeds of one shard; the split's other documents are not sampled."""
    documents = pq.read_table(file, filters=[("split", "=", split)]).cast(SPLIT_DOCUMENTS)
    ids = documents["doc_id"].to_pylist()
    seeds = set(pq.read_table(chosen, filters=[("doc_id", "in", ids)] if ids else None)["doc_id"].to_pylist())
    mask = [doc in seeds for doc in ids]
    rows = documents.filter(pa.array(mask, pa.bool_()))
    left = [doc for doc, taken in zip(ids, mask, strict=True) if not taken]
    return ShardOutput(rows, Account(ids, rows["doc_id"].to_pylist(), not_sampled=left))
