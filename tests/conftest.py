"""Fixtures that several folders of tests share."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from nyxqa.build import run
from nyxqa.schemas.web import s3_client
from tests.support.chromium import VARIABLE, Chromium, chromium_path, running_chromium
from tests.support.evidence_builds import IMAGES, RECIPE, build_with_model
from tests.support.evidence_model import EvidenceModel
from tests.support.pages import many_pages, page, write_recipe
from tests.support.restamp import restamp
from tests.support.s3_server import VARIABLE as MOTO
from tests.support.s3_server import S3Server, moto_python, s3_server
from tests.support.vlm_server import VlmServer

# A shell lets what it starts in the background ignore Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported and collected, which stays for good."""
    gc.collect()
    gc.freeze()


BuildOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> BuildOnce:
    """A function that builds a named dataset once for all workers of pytest-xdist and returns its folder.

    Tests only read such a folder: another worker may be reading it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def built(name: str, build: Callable[[Path], object]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / f"{name}.done").exists():
                build(shared / name)
                (shared / f"{name}.done").touch()
        return shared / name

    return built


@pytest.fixture(scope="session")
def built_sample(build_once: BuildOnce) -> Path:
    """The first pages of the bundled sample, all splits, with a card that lists its configs."""

    def build(out: Path) -> None:
        run("all", out=out, limit=40, workers=1, settings={"text": []})
        restamp(out)

    return build_once("built_sample", build)


@pytest.fixture
def dataset(built_sample: Path, tmp_path: Path) -> Path:
    """A copy of the built sample without its work folder, to be broken."""
    out = tmp_path / "dataset"
    shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
    return out


@pytest.fixture(scope="session")
def sample_build(build_once: BuildOnce) -> Path:
    """The bundled sample, all splits."""
    return build_once("sample_build", lambda out: run("all", out=out, workers=1))


@pytest.fixture(scope="session")
def small_recipe(build_once: BuildOnce) -> Path:
    """A recipe over small pages enough for two shards a stage."""
    return build_once("small_source", lambda folder: write_recipe(folder, many_pages(300))) / "recipe.toml"


@pytest.fixture(scope="session")
def small_build(small_recipe: Path, build_once: BuildOnce) -> Path:
    """The dataset that the small recipe makes, all splits, with one worker."""
    return build_once("small_build", lambda out: run("all", recipe=small_recipe, out=out, workers=1))


@pytest.fixture(scope="session")
def evidence_recipe(build_once: BuildOnce) -> Path:
    """A recipe over forty pages that the scripted model knows."""
    rows = [page(number, images) for number, images in IMAGES.items()]
    return build_once("told", lambda folder: write_recipe(folder, rows, RECIPE)) / "recipe.toml"


@pytest.fixture(scope="session")
def evidence_build(evidence_recipe: Path, build_once: BuildOnce) -> tuple[Path, EvidenceModel]:
    """An uninterrupted build of all splits with the scripted model, and that model."""

    def build(folder: Path) -> None:
        model = EvidenceModel(IMAGES)
        with VlmServer(reply=model) as server:
            build_with_model(evidence_recipe, folder / "out", server)
        (folder / "seen.json").write_text(json.dumps(model.seen))

    folder = build_once("evidence_build", build)
    seen = [(name, text) for name, text in json.loads((folder / "seen.json").read_text())]
    return folder / "out", EvidenceModel(IMAGES, seen)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A running Chromium; a machine without one skips, unless NYXQA_CHROMIUM says that there is one.

    For one module alone: while it runs, playwright's event loop keeps other tests from starting one of their own.
    """
    path = chromium_path()
    if path is None:
        pytest.skip(f"there is no Chromium; install one, or name it in {VARIABLE}")
    with running_chromium(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def s3_running() -> Iterator[S3Server]:
    """The S3 of moto, one for all tests of a process."""
    python = moto_python()
    if python is None:
        pytest.skip(f"moto is not installed, and {MOTO} names no interpreter with it")
    with s3_server(python) as server:
        yield server


@pytest.fixture
def s3(s3_running: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 of moto as the environment's endpoint, with an empty bucket and no faults."""
    pytest.importorskip("obstore", reason="extra s3 is not installed")
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_running.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(s3_client, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(s3_client, "_LONGEST_WAIT", 0.05)
    s3_running.empty()
    return s3_running
