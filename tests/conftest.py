from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.build import run
from tests.support.pages import many_pages, write_recipe


@pytest.fixture(scope="session")
def sample_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample, all splits."""
    out = tmp_path_factory.mktemp("sample") / "out"
    run("all", out=out, workers=1)
    return out


@pytest.fixture(scope="session")
def small_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe over small pages enough for two shards a stage."""
    return write_recipe(tmp_path_factory.mktemp("source"), many_pages(300))


@pytest.fixture(scope="session")
def small_build(small_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the small recipe gives, all splits, made by one worker."""
    out = tmp_path_factory.mktemp("small") / "out"
    run("all", recipe=small_recipe, out=out, workers=1)
    return out
