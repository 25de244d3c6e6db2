"""The documents of an index beside it: what the rules that exclude negatives read of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from nyxqa.builders.qa.answer_match import fold_document
from nyxqa.builders.qa.keys import text_key
from nyxqa.schemas.files import replacing

# One row for each indexed document, in the order of the index.
INDEXED = pa.schema(
    [*((name, pa.string()) for name in ("doc_id", "page_id", "cluster", "text")), ("captions", pa.list_(pa.string()))]
)


def documents_file(folder: Path, shard: int) -> Path:
    """File of the documents of one shard of an index."""
    return folder / f"documents-{shard:06d}.arrow"


def write_documents(file: Path, batches: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """Write batches of rows with the columns of ``INDEXED``; the file appears complete or not at all."""
    with (
        replacing(file) as temporary,
        pa.OSFile(str(temporary), "wb") as stream,
        pa.ipc.new_file(stream, INDEXED) as writer,
    ):
        for rows in batches:
            columns = {name: [row[name] for row in rows] for name in INDEXED.names}
            writer.write_batch(pa.RecordBatch.from_pydict(columns, schema=INDEXED))


class IndexedDocument(dict[str, Any]):
    """A row of ``INDEXED`` with ``key`` and ``folded``, which are made when a rule first asks for them."""

    def __missing__(self, name: str) -> str:
        if name == "key":
            self[name] = text_key(self["text"])
        elif name == "folded":
            self[name] = fold_document(self["text"], self["captions"])
        else:
            raise KeyError(name)
        return str(self[name])


class IndexedDocuments:
    """The documents of an index by their rows; what was read is not held.

    :param folder: Where the files lie.
    :param shards: Number of the files.
    """

    def __init__(self, folder: Path, shards: int) -> None:
        self._batches: list[tuple[Path, int]] = []
        sizes = []
        for file in (documents_file(folder, shard) for shard in range(shards)):
            with pa.memory_map(str(file)) as mapped:
                reader = pa.ipc.open_file(mapped)
                for number in range(reader.num_record_batches):
                    self._batches.append((file, number))
                    sizes.append(reader.get_batch(number).num_rows)
        self._ends = list(accumulate(sizes))

    def read(self, rows: Iterable[int]) -> dict[int, IndexedDocument]:
        """The documents of some rows, by row."""
        by_batch: dict[int, list[int]] = {}
        for row in sorted(set(rows)):
            by_batch.setdefault(bisect_right(self._ends, row), []).append(row)
        found: dict[int, IndexedDocument] = {}
        for place, own in by_batch.items():
            file, number = self._batches[place]
            first = self._ends[place - 1] if place else 0
            # The file is mapped for as long as it is read: all files of an index are larger than a worker may be.
            with pa.memory_map(str(file)) as mapped:
                batch = pa.ipc.open_file(mapped).get_batch(number)
                taken = batch.take(pa.array([row - first for row in own])).to_pylist()
            found |= {row: IndexedDocument(document) for row, document in zip(own, taken, strict=True)}
        return found
