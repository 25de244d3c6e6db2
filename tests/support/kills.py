"""A process that is killed at a chosen change of the file system, told from inside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

# What changes the file system while a dataset is published or purged.
CALLS = (
    (os, "replace"),
    (os, "rename"),
    (os, "link"),
    (os, "unlink"),
    (os, "mkdir"),
    (os, "fsync"),
    (shutil, "rmtree"),
)


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


def killed_after(calls: int, patch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the process be killed once so many changes are made; returns a function that tells how many are left."""
    left = calls

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            nonlocal left
            if left <= 0:
                raise Killed
            left -= 1
            return real(*given, **named)

        return call

    for module, name in CALLS:
        patch.setattr(module, name, counted(getattr(module, name)))
    return lambda: left
