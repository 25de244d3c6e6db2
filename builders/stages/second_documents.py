"""Step ``synthesize/second``: the other document of its page that questions about a document need as well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.rows import KIND_DRAFTS
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.loading.id_index import IdTable

VERSION = 1
_TABLE = "second.arrow"
_SECOND = KIND_DRAFTS.field("second")
_ROWS = pa.schema([("doc_id", pa.string()), _SECOND])
_BATCH = 1_024


def second_documents(run: Run, documents: StepOutput, seed: int, split: str) -> StepOutput:
    """For each document of a split one other of its page, drawn by keyed hash.

    :param documents: Rows of SPLIT_DOCUMENTS; the documents of a page are together in one file.
    """
    step = Step("synthesize/second", VERSION, {"seed": seed}, (documents.fingerprint,), split)
    return run.run_once(step, partial(write_seconds, documents, seed, split))


def write_seconds(documents: StepOutput, seed: int, split: str, folder: Path) -> None:
    """Write the table of second documents, by id of the first; one part file is in memory at a time."""
    table = IdTable(folder / _TABLE, "doc_id")
    columns = [*(field.name for field in _SECOND.type), "split"]
    with pa.OSFile(str(table.file), "wb") as file, pa.ipc.new_stream(file, _ROWS) as writer:
        for part in documents.files():
            rows = [row for row in pq.read_table(part, columns=columns).to_pylist() if row["split"] == split]
            found = pa.Table.from_pylist(list(_pairs(rows, seed)), schema=_ROWS)
            for batch in found.to_batches(max_chunksize=_BATCH):
                writer.write_batch(batch)
    table.write_index()


def _pairs(rows: list[dict[str, Any]], seed: int) -> Iterator[dict[str, Any]]:
    for _, page in groupby(rows, key=lambda row: row["page_id"]):
        several = list(page)
        for row in several:
            others = [one for one in several if one["doc_id"] != row["doc_id"]]
            if others:
                place = keyed_hash(seed, "synthesize/second", row["doc_id"]) % len(others)
                yield {"doc_id": row["doc_id"], "second": others[place]}


@lru_cache(maxsize=8)
def _opened(folder: Path) -> IdTable:
    return IdTable(folder / _TABLE, "doc_id")


def second_of(folder: Path, doc_id: str) -> dict[str, Any] | None:
    """The second document of ``doc_id``; None where its page has no other."""
    table = _opened(folder)
    (row,) = table.rows([doc_id]).tolist()
    if row < 0:
        return None
    found: dict[str, Any] = table.table.column("second")[row].as_py()
    return found
