"""What a cluster can do to a build, one by one; minutes of work, run by hand."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.engine.executors.cluster import executor as module
from nyxqa.builders.engine.executors.cluster.executor import RayExecutor, encoders
from nyxqa.builders.engine.executors.cluster.window import ready_first
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import Step
from nyxqa.builders.engine.workdir import output_folder
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.schemas.chance import keyed_hash
from tests.support import tasks
from tests.support.pages import many_pages, write_recipe
from tests.support.ray_cluster import RayCluster, ray_cluster
from tests.support.running import nyxqa, published, started

pytest.importorskip("ray", reason="extra ray is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# Steps whose shards are worked on by nodes, in a build of pages and questions without a model.
MAPPED = (
    *("source/read", "source", "prefilter/blocks", "prefilter/contents", "prefilter/copies", "prefilter"),
    *("images/store", "images", "chunk", "dedup", "filter"),
    *("split/homes", "split/edges", "split/sketch", "split/counts", "split/prefixes", "split/near", "split"),
    *("negatives/counts", "sample/choose train", "sample train", "synthesize train"),
    *("refine/rules train", "refine/repeated train", "refine train", "choices train"),
    *("negatives/index train", "negatives train"),
    *("assemble/corpus", "assemble/keys", "assemble/shared", "assemble/sketch", "assemble/counts"),
    *("assemble/prefixes", "assemble/near"),
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("source"), many_pages(600))


@pytest.fixture(scope="module")
def expected(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a local build with two workers, which are those with one."""
    two, one = (tmp_path_factory.mktemp("local") / name for name in ("two", "one"))
    run("all", recipe=recipe, out=two, workers=2)
    run("all", recipe=recipe, out=one, workers=1)
    assert published(one) == published(two)
    return published(two)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster(2) as running:
        yield running


def leftovers(out: Path) -> list[Path]:
    return [*out.rglob("*.part*"), *out.rglob(".duckdb-*")]


def arguments(recipe: Path, out: Path, cluster: RayCluster) -> tuple[object, ...]:
    return ("build", "--split", "all", "--recipe", recipe, "--out", out, "--executor", cluster.executor)


def test_a_node_killed_inside_a_shard_of_each_step(
    cluster: RayCluster, recipe: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    """The build is stopped before each step, and goes on with a node that is killed while it works on a shard of it."""
    killed = Counter[str]()
    out = tmp_path / "out"
    for step in MAPPED:
        folder = out / ".work" / "steps" / step.replace("/", ".").replace(" ", ".")
        while len(cluster.nodes) < 2:
            cluster.add()
        with started(*arguments(recipe, out, cluster)) as process:
            while not folder.exists() and process.poll() is None:
                time.sleep(0.002)
            done = lambda: process.poll() is not None or bool([*folder.glob("*/done.json")])  # noqa: B023, E731
            killed[step] += cluster.kill_inside_a_shard(cluster.nodes[-1], done)
            if step != MAPPED[-1]:
                while not [*folder.glob("*/done.json")] and process.poll() is None:
                    time.sleep(0.01)
                assert [*folder.glob("*/done.json")], process.communicate()[1]
                process.kill()
        if step != MAPPED[-1]:
            time.sleep(1)
    found = nyxqa(*arguments(recipe, out, cluster), timeout=600)
    assert found.returncode == 0, found.stderr
    assert published(out) == expected
    assert leftovers(out) == []
    print(json.dumps(killed))  # noqa: T201
    assert sum(killed.values()) >= len(MAPPED) // 2, killed


def test_begun_shards_are_shards_and_one_more(cluster: RayCluster, tmp_path: Path) -> None:
    """Each attempt leaves a mark; a node is killed inside one of thirty shards."""
    while len(cluster.nodes) < 2:
        cluster.add()
    step = Step("numbers", 1, unit_in="row", unit_out="row")
    log = tmp_path / "log"
    with output_folder(tmp_path / "out") as work, RayExecutor(cluster.address, tmp_path / "out", None) as executor:

        def kill() -> None:
            while not log.is_dir() or len([*log.iterdir()]) < 6:  # a worker that starts has left no mark yet
                time.sleep(0.01)
            cluster.kill_inside_a_shard(cluster.nodes[-1], lambda: False)

        killer = threading.Thread(target=kill)
        killer.start()
        batches = [tuple(range(10 * number, 10 * number + 10)) for number in range(30)]
        output = WorkingRun(work, executor, Progress()).map(
            step, tasks.SlowLoggedShard(log, 0.3), lambda: batches, tasks.NUMBERS
        )
        killer.join()
    assert len(output.files()) == 30
    begun = Counter({file.name: len(file.read_text()) for file in log.iterdir()})
    assert begun.total() == 31
    assert [row["n"] for row in output.rows()] == list(range(0, 300, 2))
    assert leftovers(tmp_path / "out") == []


def test_a_driver_that_is_killed_and_run_again(
    cluster: RayCluster, recipe: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    while len(cluster.nodes) < 2:
        cluster.add()
    for steps in (4, 12, 25):
        with started(*arguments(recipe, out, cluster)) as process:
            while len([*out.glob(".work/steps/*/*/done.json")]) < steps and process.poll() is None:
                time.sleep(0.01)
            process.kill()
    found = nyxqa(*arguments(recipe, out, cluster), timeout=600)
    assert found.returncode == 0, found.stderr
    assert published(out) == expected
    assert leftovers(out) == []


def test_a_frozen_node_that_wakes(cluster: RayCluster, recipe: Path, expected: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    while len(cluster.nodes) < 2:
        cluster.add()
    frozen = cluster.nodes[-1]
    with started(*arguments(recipe, out, cluster)) as process:
        while not cluster.workers(frozen) and process.poll() is None:
            time.sleep(0.002)
        cluster.freeze(frozen)
        time.sleep(20)
        cluster.freeze(frozen, signal.SIGCONT)
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    cluster.nodes.remove(frozen)
    time.sleep(5)  # for what the attempt that woke still writes
    assert published(out) == expected
    assert leftovers(out) == []
    assert nyxqa(*arguments(recipe, out, cluster)).stderr.endswith("is up to date\n")


def test_relative_paths_and_a_raylet_in_another_folder(
    cluster: RayCluster, recipe: Path, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    while cluster.nodes:
        cluster.kill(cluster.nodes[-1])
    for _ in range(2):
        cluster.add(elsewhere)
    monkeypatch.chdir(tmp_path)
    run("all", recipe=os.path.relpath(recipe), out="out", executor=cluster.executor)
    assert published(tmp_path / "out") == expected
    assert [*elsewhere.iterdir()] == []


@pytest.mark.parametrize("seed", range(3))
def test_orders_and_windows_by_chance(
    seed: int,
    cluster: RayCluster,
    recipe: Path,
    expected: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tasks are submitted in another order, and as many at a time as the seed says."""
    while len(cluster.nodes) < 2:
        cluster.add()

    def permuted(given: Iterable[Any], submit: Any, ended: Any, window: object) -> Iterator[Any]:
        listed = list(given)
        order = sorted(range(len(listed)), key=lambda number: keyed_hash(seed, "order", str(number)))
        results = ready_first([listed[number] for number in order], submit, ended, lambda: 1 + 3 * seed)
        by_number = dict(zip(order, results, strict=True))
        return iter([by_number[number] for number in range(len(listed))])

    monkeypatch.setattr(module, "ready_first", permuted)
    run("all", recipe=recipe, out=tmp_path / "out", executor=cluster.executor)
    assert published(tmp_path / "out") == expected


def test_every_task_attempted_twice_at_once(
    cluster: RayCluster, recipe: Path, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while len(cluster.nodes) < 2:
        cluster.add()

    def twice(given: Iterable[Any], submit: Any, ended: Any, window: object) -> Iterator[Any]:
        doubled = (one for task in given for one in (task, task))
        for number, result in enumerate(ready_first(doubled, submit, ended, lambda: 4)):
            if number % 2 == 0:
                yield result

    monkeypatch.setattr(module, "ready_first", twice)
    run("all", recipe=recipe, out=tmp_path / "out", executor=cluster.executor)
    assert published(tmp_path / "out") == expected
    assert leftovers(tmp_path / "out") == []


def test_encoders_work_where_a_gpu_is(cluster: RayCluster, tmp_path: Path) -> None:
    """The node only says that it has one: what is seen is that encoders go there, and that nothing else changes."""
    while cluster.nodes:
        cluster.kill(cluster.nodes[-1])
    cluster.add()
    cluster.add(gpus=1)
    with output_folder(tmp_path / "seen") as work, RayExecutor(cluster.address, tmp_path / "seen", None) as executor:
        assert list(encoders(executor).map(tasks.setting, ["CUDA_VISIBLE_DEVICES"] * 2)) == ["0", "0"]
        run_of = WorkingRun(work, executor, Progress())
        run_of.run_once(Step("numbers", 1), tasks.note_devices, encoder=True)
        assert (run_of.folder(Step("numbers", 1)) / "devices").read_text() == "0"
    options = {"limit": 40, "encoder": "tiny"}
    run("all", out=tmp_path / "local", workers=1, **options)  # type: ignore[arg-type]
    run("all", out=tmp_path / "ray", executor=cluster.executor, **options)  # type: ignore[arg-type]
    assert published(tmp_path / "ray") == published(tmp_path / "local")
    figures = []
    for name, executor_name in (("local", "local"), ("ray", cluster.executor)):
        command = ("evaluate", tmp_path / name, "--retriever", "tiny", "--split", "train", "--executor", executor_name)
        done = nyxqa(*command, "--json", timeout=300)
        assert done.returncode == 0, done.stderr
        figures.append(done.stdout.splitlines()[-1].replace(str(tmp_path / name), ""))
    assert figures[0] == figures[1]
