"""Builds on a Ray cluster of two nodes on this machine: the bytes of a local build, whatever happens to the nodes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from nyxqa.builders.engine.executors.cluster import executor as module
from nyxqa.builders.engine.executors.cluster.executor import RayExecutor
from nyxqa.builders.engine.executors.cluster.task import versions
from nyxqa.builders.engine.limits import Limits, limited
from nyxqa.schemas.errors import WorldError
from tests.support import tasks
from tests.support.oracle_model import oracle_of
from tests.support.ray_cluster import RayCluster, ray_cluster
from tests.support.running import STEP_LINE, nyxqa, published, started
from tests.support.vlm_server import VlmServer

pytest.importorskip("ray", reason="extra ray is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster(0) as running:
        yield running


def test_a_cluster_without_nodes_ends_the_build(cluster: RayCluster, tmp_path: Path) -> None:
    """First of all: the other tests add nodes."""
    executor = RayExecutor(cluster.address, tmp_path, None, patience=0.5)
    with (
        pytest.raises(WorldError, match=r"^no node of the Ray cluster has had a processor for 0 s; start one") as error,
        executor,
    ):
        pass
    assert "\n" not in str(error.value)
    assert not [*tmp_path.rglob("*.part")]


@pytest.fixture(scope="module")
def two(cluster: RayCluster) -> RayCluster:
    for _ in range(2):
        cluster.add()
    return cluster


def test_tasks_and_their_errors_are_as_on_this_machine(two: RayCluster, tmp_path: Path) -> None:
    with RayExecutor(two.address, tmp_path, None) as executor:
        assert list(executor.map(tasks.slow_if_even, range(12))) == list(range(12))
        assert list(executor.map(tasks.double, [])) == []
        results = executor.map(tasks.fail_on_three, range(40))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(tasks.UnlikelyError, match=r"^three$"):
            next(results)
        (tmp_path / "database").mkdir()
        with limited(Limits(memory="64MB", threads=1)):
            assert [*executor.map(tasks.database_settings, [tmp_path / "database"])] == [("61.0 MiB", 1, True)]
        assert len(set(executor.map(tasks.process_of, range(8))) - {os.getpid()}) >= 2
        with pytest.raises(WorldError, match=r"^a worker process died 4 times over one shard, .*fewer --workers$"):
            list(executor.map(tasks.kill_itself, range(3)))


def test_a_node_with_other_versions_or_another_folder_is_named(
    two: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)  # the same name means another file in another process
    elsewhere = RayExecutor(two.address, Path(f"/proc/self/fd/{folder}"), None)
    with (
        pytest.raises(WorldError, match=r"^node \S+ \(\S+\) does not have /proc/self/fd/\S+: put the output"),
        elsewhere,
    ):
        pass
    os.close(folder)
    monkeypatch.setattr(module, "versions", lambda: {**versions(), "numpy": "1.0"})
    other = RayExecutor(two.address, tmp_path, None)
    with pytest.raises(WorldError, match=r"^node \S+ \(\S+\) has numpy \S+ \(here 1\.0\) in \S+; .* run again$"), other:
        pass


def test_a_node_killed_inside_a_shard_costs_nothing_but_its_shard(
    two: RayCluster, small_recipe: Path, small_build: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("build", "--split", "all", "--recipe", small_recipe, "--out", out, "--executor", two.executor)
    with started(*arguments) as process:
        assert two.kill_inside_a_shard(two.nodes[-1], lambda: process.poll() is not None)
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert published(out) == published(small_build)
    assert not [*out.rglob("*.part")]
    assert not [*out.rglob(".duckdb-*")]

    # A part that is lost later is not fewer rows.
    part = sorted((out / ".work" / "steps").glob("filter/*/part-*.parquet"))[-1]
    part.unlink()
    failed = nyxqa(*arguments, "--seed", 7)
    assert failed.returncode == 3, failed.stderr
    lines = [line for line in failed.stderr.splitlines() if not STEP_LINE.match(line)]
    assert len(lines) == 1
    assert f"{part} is missing" in lines[0]


@pytest.mark.slow
def test_feedback_evaluate_and_an_estimate_are_those_of_this_machine(
    two: RayCluster, built_sample: Path, tmp_path: Path
) -> None:
    found: list[list[str]] = []
    with VlmServer(reply=oracle_of(built_sample).reply) as server:
        for executor in ("local", two.executor):
            out = tmp_path / executor.partition(":")[0]
            shutil.copytree(built_sample, out, ignore=shutil.ignore_patterns(".work"))
            on = ("--retriever", "bm25", "--executor", executor)
            lines = []
            for command in (
                ("feedback", out, "--vlm", f"openai:oracle@{server.url}", "--top-k", 2, *on),
                ("evaluate", out, "--split", "test", *on, "--json"),
                (
                    "build",
                    "--split",
                    "train",
                    "--limit",
                    40,
                    "--out",
                    tmp_path / f"{out.name}-new",
                    "--estimate",
                    *on[2:],
                ),
            ):
                done = nyxqa(*command)
                assert done.returncode == 0, done.stderr
                lines.append(done.stdout.splitlines()[-1].replace(str(out), "OUT"))
            found.append(lines[1:])
    assert found[0] == found[1]
    assert published(tmp_path / "ray") == published(tmp_path / "local")
    assert [*(tmp_path / "ray" / "data" / "feedback").iterdir()]
