"""Stage ``dedup``: equal content becomes one document, common text and near-duplicates go, what is alike clusters."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.builders.stages.dedup import write_verdicts
from nyxqa.schemas.recipe import Dedup

VERSION = 2


def dedup(run: Run, chunks: Parts, settings: Dedup) -> Parts:
    """Give every document one place and a cluster; drop copies, near-duplicates and common text, naming what stays."""
    step = Step("dedup/verdicts", VERSION, {"dedup": settings}, (chunks.fingerprint,))
    verdicts = run.whole(step, partial(write_verdicts, chunks, settings), resume=True)
    apply = Step("dedup", VERSION, {}, (verdicts.fingerprint,), unit_in="document", unit_out="document")
    return run.map(apply, dedup_shard, lambda: list(zip(chunks.files(), verdicts.files(), strict=True)), DOCUMENTS)


def dedup_shard(task: tuple[Path, Path]) -> ShardOutput:
    """Documents of one shard that stay."""
    chunks, verdicts = (pq.read_table(file).to_pylist() for file in task)
    rows, drops, parents = [], [], []
    for row, verdict in zip(chunks, verdicts, strict=True):
        if verdict["reason"] is None:
            parents.append(row["place"])
            rows.append({**row, "cluster": verdict["cluster"], "also_at": verdict["also_at"]})
        else:
            drops.append(Drop("document", row["place"], row["page_id"], verdict["reason"], verdict["detail"]))
    account = Account([row["place"] for row in chunks], parents, drops)
    return ShardOutput(pa.Table.from_pylist(rows, schema=DOCUMENTS), account)
