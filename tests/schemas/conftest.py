"""A small dataset with every table, as rows and on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tiny_dataset import TinyDataset, tiny_dataset


@pytest.fixture
def tiny() -> TinyDataset:
    return tiny_dataset(full=True)


@pytest.fixture
def root(tmp_path: Path, tiny: TinyDataset) -> Path:
    tiny.write(tmp_path / "out")
    return tmp_path / "out"
