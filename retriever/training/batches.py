"""Which rows make up which step: batches in an order given by keyed hash, dealt to the devices by length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.chance import keyed_hash

# Whether all rows of a batch are of one dataset, so that in-batch negatives come from the same pool and are as hard as
# possible, or of any.
Mixing = Literal["dataset", "mixed"]

Item = TypeVar("Item")
Ready = TypeVar("Ready")
_AHEAD = 2  # items prepared ahead


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

    A batch's rows are drawn without regard to their length, which would make its negatives alike in length; inside a
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
