"""A cache of ``datasets`` of a test's own, for this process and those it starts."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest


def use_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let ``datasets`` keep its caches in ``folder``."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(folder))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
