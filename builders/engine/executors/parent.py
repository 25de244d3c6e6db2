"""A process that ends when the one that started it ends."""

from __future__ import annotations

import ctypes
import signal
import sys

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def die_with_parent() -> None:
    """Let the system kill this process when its parent ends, where the system can: even while no thread gets to run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
