"""The words of a shard of entries: which entries have each word, and how often."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.retriever.index.stored_strings import StringRows
from nyxqa.schemas.files import replacing

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

# One row; each column is one array.
_SCHEMA = pa.schema(
    [
        ("ids", pa.list_(pa.string())),
        ("order", pa.list_(pa.int32())),  # place of each entry among those of the shard sorted by (id, row)
        ("lengths", pa.list_(pa.int32())),  # words of each entry
        ("words", pa.list_(pa.string())),  # distinct, sorted
        ("ends", pa.list_(pa.int64())),  # where the postings of each word begin, and the last end
        ("rows", pa.list_(pa.int32())),  # entries that have a word, ascending
        ("counts", pa.list_(pa.int32())),  # how often they have it
    ]
)


def write_postings(file: Path, ids: Sequence[str], words: Iterable[Sequence[str]]) -> None:
    """Write the ``words`` of the entries ``ids``; the file appears complete or not at all."""
    vocabulary: dict[str, int] = {}
    lengths, found = array("i"), array("i")
    for one in words:
        lengths.append(len(one))
        found.extend([vocabulary.setdefault(word, len(vocabulary)) for word in one])
    names = sorted(vocabulary)
    place = np.empty(len(names), np.int64)
    place[[vocabulary[name] for name in names]] = np.arange(len(names))
    owners = np.repeat(np.arange(len(lengths)), lengths)
    keys, counts = np.unique(place[np.array(found, np.int64)] * max(1, len(lengths)) + owners, return_counts=True)
    word, row = np.divmod(keys, max(1, len(lengths)))
    order = np.empty(len(ids), np.int32)
    order[pc.sort_indices(pa.array(ids, pa.string())).to_numpy()] = np.arange(len(ids))
    columns: dict[str, Any] = {
        "ids": list(ids),
        "order": order,
        "lengths": np.array(lengths, np.int32),
        "words": names,
        "ends": np.searchsorted(word, np.arange(len(names) + 1)),
        "rows": row.astype(np.int32),
        "counts": counts.astype(np.int32),
    }
    arrays = [
        pa.ListArray.from_arrays(
            pa.array([0, len(columns[field.name])], pa.int32()), pa.array(columns[field.name], field.type.value_type)
        )
        for field in _SCHEMA
    ]
    with (
        replacing(file) as temporary,
        pa.OSFile(str(temporary), "wb") as stream,
        pa.ipc.new_file(stream, _SCHEMA) as writer,
    ):
        writer.write_batch(pa.record_batch(arrays, schema=_SCHEMA))


class PostingsFile:
    """One shard, memory-mapped.

    :param file: What ``write_postings`` wrote.
    """

    def __init__(self, file: Path) -> None:
        batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
        values = {name: batch.column(name).flatten() for name in batch.schema.names}
        self.ids: pa.StringArray = values["ids"]
        self.order: I32 = values["order"].to_numpy()
        self.lengths: I32 = values["lengths"].to_numpy()
        self.words = int(pc.sum(values["lengths"]).as_py() or 0)
        self._words, self._ends = values["words"], values["ends"].to_numpy()
        self._rows, self._counts = values["rows"].to_numpy(), values["counts"].to_numpy()

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, words: list[str]) -> I64:
        """Place of each word among those of the shard, -1 for one that no entry has."""
        found = pc.index_in(pa.array(words, pa.string()), value_set=self._words)
        places: I64 = pc.fill_null(found, -1).to_numpy().astype(np.int64)
        return places

    def frequencies(self, places: I64) -> I64:
        """Number of entries that have each word."""
        ends = self._ends
        return np.where(places < 0, 0, ends[places + 1] - ends[places])

    def postings(self, place: int) -> tuple[I64, I32]:
        """The entries that have a word, ascending, and how often each has it."""
        piece = slice(self._ends[place], self._ends[place + 1])
        return self._rows[piece].astype(np.int64), self._counts[piece]


class ShardedIds(StringRows):
    """Ids of all entries, shard after shard."""

    def __init__(self, shards: Sequence[PostingsFile]) -> None:
        self._shards = shards
        self._ends = list(accumulate(map(len, shards)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _read(self, row: int) -> str:
        shard = bisect_right(self._ends, row)
        before = self._ends[shard - 1] if shard else 0
        return str(self._shards[shard].ids[row - before].as_py())
