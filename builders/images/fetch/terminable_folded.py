"""SIGTERM while an event loop runs: the loop ends first, and then the signal takes its usual way."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable
from types import FrameType


async def terminable(work: Awaitable[None]) -> None:
    """Do ``work``, cancelled by SIGTERM.

    What a signal handler raises inside a callback of the loop would be logged there and lost.
    """
    earlier = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or earlier is None:
        await work
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGTERM, stop)
    try:
        await work
    finally:
        signal.signal(signal.SIGTERM, earlier)
        if received:
            os.kill(os.getpid(), signal.SIGTERM)
