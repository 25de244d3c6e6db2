"""Preparing the next items while the present one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")
_AHEAD = 2  # items prepared ahead


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
