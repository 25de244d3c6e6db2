"""A made dataset whose test questions have known answers, and a cache of their own."""

from __future__ import annotations

import datasets
import pytest

from tests.support.dataset_cache import use_cache


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    patch = pytest.MonkeyPatch()
    use_cache(patch, tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()
