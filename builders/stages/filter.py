"""Stage ``filter``: drop documents that fail an SQL condition of the recipe or overlap with a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from nyxqa.builders.engine.accounting import Account, Drop, ShardOutput
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.filters.base import Filter, apply_filters
from nyxqa.builders.filters.conditions import DocumentConditions
from nyxqa.builders.rows import DOCUMENTS
from nyxqa.builders.stages.benchmark import document_filter
from nyxqa.schemas.recipe import Filters

VERSION = 1


def filter_documents(
    run: Run, documents: StepOutput, settings: Filters, benchmark: StepOutput | None, distance: int
) -> StepOutput:
    """Retain documents that meet every condition of ``filters.corpus`` and do not overlap with a benchmark.

    :param documents: Rows of DOCUMENTS.
    :param benchmark: The index of ``filters.decontaminate``, if that names files.
    :param distance: Bits in which perceptual hashes of near-identical images may differ.
    """
    conditions = list(settings.corpus) if settings.enabled else []
    filters: list[Filter] = [DocumentConditions(conditions)]
    inputs: tuple[str, ...] = (documents.fingerprint,)
    if benchmark is not None:
        overlap, more = document_filter(run, documents, benchmark, distance)
        filters.append(overlap.documents)
        inputs += more
    params = {"conditions": conditions}
    step = Step("filter", VERSION, params, inputs, unit_in="document", unit_out="document")
    return run.map(step, partial(filter_shard, filters), documents.files, DOCUMENTS)


def filter_shard(filters: Sequence[Filter], file: Path) -> ShardOutput:
    """Documents of one shard that every filter keeps; the first that rejects a document gives the reason."""
    table = pq.read_table(file)
    kept, rejected = apply_filters(table, filters)
    ids, pages = table["doc_id"].to_pylist(), table["page_id"].to_pylist()
    drops = [Drop("document", ids[row], pages[row], why.reason, why.detail) for row, why in rejected.items()]
    return ShardOutput(kept.cast(DOCUMENTS), Account(ids, kept["doc_id"].to_pylist(), drops))
