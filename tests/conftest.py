"""Fixtures that several folders of tests share."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from filelock import FileLock

from nyxqa.build import run
from tests.support.pages import many_pages, page, write_recipe
from tests.support.restamp import restamp
from tests.support.telling import Teller
from tests.support.telling_builds import IMAGES, RECIPE, told
from tests.support.vlm_server import VlmServer

# A shell lets what it starts in the background ignore Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The first pages of the bundled sample built once with all splits, with a card of configs; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent  # one build for all workers of pytest-xdist
    out = shared / "built_sample"
    with FileLock(shared / "built_sample.lock"):
        if not (shared / "built_sample.done").exists():
            run("all", out=out, limit=40, workers=1, settings={"text": []})
            restamp(out)
            (shared / "built_sample.done").touch()
    return out


@pytest.fixture
def dataset(built_sample: Path, tmp_path: Path) -> Path:
    """A copy of the built sample without its work folder, to be broken."""
    out = tmp_path / "dataset"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    return out


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


@pytest.fixture(scope="session")
def told_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe over forty pages that the telling model knows."""
    rows = [page(number, images) for number, images in IMAGES.items()]
    return write_recipe(tmp_path_factory.mktemp("told"), rows, RECIPE)


@pytest.fixture(scope="session")
def told_build(told_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Teller]:
    """An uninterrupted build of all splits with the telling model, and that model."""
    out, teller = tmp_path_factory.mktemp("calm") / "out", Teller(IMAGES)
    with VlmServer(reply=teller) as server:
        told(told_recipe, out, server)
    return out, teller
