"""Fixtures of the retriever's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.support.torchvision_cpu  # noqa: F401 -- before anything that may import torchvision
from tests.support.tiny_qwen import make_tiny_qwen


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny Qwen2.5-VL; not to be changed."""
    return make_tiny_qwen(tmp_path_factory.mktemp("models") / "tiny-qwen")
