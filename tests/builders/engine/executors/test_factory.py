from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.builders.engine.executors.cluster.executor import RayExecutor
from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.schemas.errors import MissingExtraError, UsageError
from tests.support import tasks


def test_local_is_the_default() -> None:
    executor = make_executor(workers=1)
    assert isinstance(executor, LocalExecutor)
    assert executor.workers == 1
    with make_executor("local", 2) as opened:
        assert list(opened.map(tasks.double, range(3))) == [0, 2, 4]


@pytest.mark.parametrize("name", ["slurm", "ray:", "rays", "local:2", ""])
def test_an_unknown_name_is_refused_with_what_exists(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"'{name}' is not an executor; choose --executor from: local, ray\[:ADDRESS\]$"
    ):
        make_executor(name)


def test_ray_is_named_by_its_address_and_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(make_executor("ray", out=tmp_path), RayExecutor)
    assert isinstance(make_executor("ray:10.0.0.1:6379", out=tmp_path), RayExecutor)
    with pytest.raises(UsageError, match="give HOST:PORT, and run nyxqa on a node of the cluster"):
        make_executor("ray:ray://10.0.0.1:10001", out=tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"ray is not installed; install it in a checkout with: pip install '.\[ray\]'"
    ):
        make_executor("ray", out=tmp_path)
