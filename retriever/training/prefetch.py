"""The next step's inputs, made ready while this one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")

_AHEAD = 2  # items made ready before they are asked for


def prefetched(items: Iterable[Item], prepare: Callable[[Item], Ready]) -> Iterator[Ready]:
    """``prepare`` of each item, in order, two of them ahead in one thread; errors come up where they belong.

    Decoding images and cutting words into tokens happen outside Python's lock for the most part.
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
