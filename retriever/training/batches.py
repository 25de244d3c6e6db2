"""Which rows make up which step: batches in an order given by keyed hash, dealt to the devices by length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.retriever.protocols import ModelInput
from nyxqa.retriever.training.examples import Example, Row, read_example
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.loading.join import Joiner

# Whether all rows of a batch are of one dataset, so that in-batch negatives come from the same pool and are as hard as
# possible, or of any.
Mixing = Literal["dataset", "mixed"]

Item = TypeVar("Item")
Ready = TypeVar("Ready")
_AHEAD = 2  # items prepared ahead

# Lengths only deal the rows of a batch to devices, so an estimate does: bytes of a token, and tokens of an image.
_TOKEN_BYTES = 4
_IMAGE_TOKENS = 256
Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PlanRows:
    """What a plan needs to know of each row: 16 bytes, so that a million rows are sent to other processes at once.

    :param dataset: int32 [rows], number of the row's dataset.
    :param lengths: int32 [rows], about how many tokens a row costs.
    :param keys: uint64 [rows], keyed hash of the row's name.
    """

    dataset: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    keys: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, datasets: Iterable[str], ids: Iterable[str], lengths: Iterable[int]) -> PlanRows:
        """Rows by dataset and id; a row that occurs again, as in a mixture, has a key of its own."""
        named = list(datasets)
        numbers = {name: number for number, name in enumerate(sorted(set(named)))}
        seen: dict[str, int] = {}
        keys = np.empty(len(named), dtype=np.uint64)
        for row, (dataset, one) in enumerate(zip(named, ids, strict=True)):
            name = f"{dataset}/{one}"
            seen[name] = times = seen.get(name, 0) + 1
            keys[row] = keyed_hash(0, "row", f"{name}/{times}")
        return cls(
            np.fromiter((numbers[name] for name in named), np.int32, len(named)),
            np.fromiter(lengths, np.int32, len(named)),
            keys,
        )


@dataclass(frozen=True)
class Plan:
    """The batches of every epoch; each depends only on (seed, epoch), so a run can start at any of them.

    A batch's rows are drawn without regard to their length, which would make its negatives similar in length; inside a
    batch, inputs of similar length are encoded together. The remaining rows form one smaller batch.

    :param size: Rows of a batch, over all devices.
    """

    rows: PlanRows
    size: int
    seed: int
    mixing: Mixing = "dataset"

    def epoch(self, number: int) -> list[list[int]]:
        """Row numbers of each batch of an epoch; every row is in exactly one of them."""
        drawn = _mixed(self.rows.keys ^ np.uint64(keyed_hash(self.seed, "rows", str(number))))
        order = np.argsort(drawn, kind="stable")
        if self.mixing == "dataset":
            order = order[np.argsort(self.rows.dataset[order], kind="stable")]
        batches = []
        for start, end in self._runs():
            batches += [order[at : min(at + self.size, end)].tolist() for at in range(start, end, self.size)]
        places = range(len(batches))
        shuffled = sorted(places, key=lambda place: (keyed_hash(self.seed, f"batches/{number}", str(place)), place))
        return [batches[place] for place in shuffled]

    def share(self, batch: list[int], rank: int, devices: int) -> list[int]:
        """The rows of a batch that device ``rank`` takes: every so manieth by length, so that all have as much to do.

        One device takes them in their order.
        """
        if devices == 1:
            return batch
        return sorted(batch, key=lambda row: (int(self.rows.lengths[row]), row))[rank::devices]

    def steps(self) -> int:
        """Batches of an epoch."""
        return sum(-(-(end - start) // self.size) for start, end in self._runs())

    def _runs(self) -> list[tuple[int, int]]:
        """First and last place, exclusive, of the rows that are batched together, in order of datasets."""
        if self.mixing == "mixed":
            return [(0, len(self.rows.keys))]
        ends = np.cumsum(np.bincount(self.rows.dataset)).tolist()
        return list(zip([0, *ends], ends, strict=False))


def _mixed(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A one-to-one scramble of 64-bit numbers (the finaliser of SplitMix64, Steele and others 2014)."""
    mixed = keys.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def prefetched(items: Iterable[Item], prepare: Callable[[Item], Ready]) -> Iterator[Ready]:
    """``prepare`` of each item, in order, two items ahead in one thread; errors are raised at their item.

    Image decoding and tokenization mostly release the GIL.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    waiting: list[Future[Ready]] = []
    try:
        for item in items:
            waiting.append(pool.submit(prepare, item))
            if len(waiting) > _AHEAD:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        pool.shutdown(cancel_futures=True)


def plan_rows(rows: Sequence[Row | Example]) -> PlanRows:
    """Dataset, name and length of each row.

    Rows of ``nyxqa.load`` are measured by the columns of their tables, a million in seconds; others are read once.
    """
    stored = _stored(rows)
    if stored is not None:
        datasets, ids = (stored[0].column(name).to_pylist() for name in ("dataset", "query_id"))
        return PlanRows.of(datasets, ids, _lengths(*stored))
    examples = [read_example(rows[row]) for row in range(len(rows))]
    return PlanRows.of(
        (one.dataset for one in examples),
        (one.id for one in examples),
        (_length(one.query) + sum(_length(document.content) for document in one.positives) for one in examples),
    )


def _length(content: ModelInput) -> int:
    return len(content.text.encode("utf-8", "replace")) // _TOKEN_BYTES + _IMAGE_TOKENS * len(content.images)


def _stored(rows: Any) -> tuple[pa.Table, Joiner] | None:
    """The columns that length follows from, in row order, and the join of ``nyxqa.load``; None for other rows."""
    join = getattr(rows, "_join", None)
    if not isinstance(join, Joiner) or "query" not in rows.column_names:
        return None
    names = [
        name
        for name in ("dataset", "query_id", "pool", "query", "positive_id", "positive_ids")
        if name in rows.column_names
    ]
    table: pa.Table = rows.data.table.select(names)
    indices = rows._indices
    if indices is not None:
        table = table.take(indices.column(0))
    return table, join


def _lengths(table: pa.Table, join: Joiner) -> Lengths:
    """About how many tokens a row's query and first positive cost, int64 [rows]."""
    query = table.column("query")
    total = _costs(pa.chunked_array([chunk.field("text") for chunk in query.chunks], pa.string()))
    if "positive_id" in table.column_names:
        wanted = table.column("positive_id")
    else:
        wanted = pc.list_element(table.column("positive_ids"), 0)
    return total + _documents(wanted, join)


def _documents(wanted: pa.ChunkedArray, join: Joiner) -> Lengths:
    found = np.zeros(len(wanted), dtype=np.int64)
    for pool in join.documents.published.manifest.splits("corpus"):
        documents = join.documents.pool(pool)
        if documents is None:
            continue
        lengths = _costs(documents.table.column("text"))
        rows = pc.index_in(wanted, value_set=documents.table.column("doc_id").combine_chunks())
        places = _numbers(pc.fill_null(rows, -1))
        found = np.where(places >= 0, lengths[places], found)
    return found


def _costs(texts: pa.ChunkedArray) -> Lengths:
    """About how many tokens texts with placeholders cost, as many images as placeholders."""
    images = _numbers(pc.count_substring(texts, PLACEHOLDER))
    return _numbers(pc.binary_length(texts)) // _TOKEN_BYTES + _IMAGE_TOKENS * images


def _numbers(values: pa.ChunkedArray) -> Lengths:
    numbers: Lengths = pc.fill_null(values, 0).to_numpy().astype(np.int64)
    return numbers
