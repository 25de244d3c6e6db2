from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.schemas.errors import WorldError
from tests.support import tasks
from tests.support.running import ROOT, environment, wait_until_gone

pytestmark = pytest.mark.timeout(120)  # what hangs has failed


def children() -> set[int]:
    """Workers of this process; the tracker of shared semaphores and the process that forks them are none."""
    found = [(one.pid, " ".join(one.cmdline())) for one in psutil.Process().children(recursive=True)]
    helpers = {one.pid for one in psutil.Process().children()}
    forked = {pid for pid, line in found if pid not in helpers or "spawn_main" in line}
    return {pid for pid, line in found if pid in forked and "resource_tracker" not in line}


@pytest.fixture(scope="module")
def two() -> Iterator[LocalExecutor]:
    with LocalExecutor(2) as executor:
        yield executor


@pytest.fixture
def one() -> LocalExecutor:
    return LocalExecutor(1)


@pytest.mark.parametrize("workers", ["one", "two"])
def test_results_come_in_the_order_of_the_tasks(workers: str, request: pytest.FixtureRequest) -> None:
    executor: LocalExecutor = request.getfixturevalue(workers)
    assert list(executor.map(tasks.slow_if_even, range(12))) == list(range(12))
    assert list(executor.map(tasks.double, [])) == []
    assert list(executor.map(tasks.double, [4])) == [8]


@pytest.mark.parametrize(("workers", "ahead"), [("one", 2), ("two", 4)])
def test_tasks_are_read_lazily(workers: str, ahead: int, request: pytest.FixtureRequest) -> None:
    read: list[int] = []

    def feed() -> Iterator[int]:
        for number in range(50):
            read.append(number)
            yield number

    results = request.getfixturevalue(workers).map(tasks.double, feed())
    for done in range(1, 51):
        assert next(results) == 2 * (done - 1)
        assert len(read) <= done + ahead
    assert next(results, None) is None


def test_workers_stay_for_the_next_step_and_end_with_the_executor() -> None:
    with LocalExecutor(2) as executor:
        first = set(executor.map(tasks.process_of, range(8)))
        assert first | set(executor.map(tasks.process_of, range(8))) == first
        assert os.getpid() not in first
        assert first <= children()
    assert not first & children()


def test_one_worker_or_one_task_needs_no_process(one: LocalExecutor) -> None:
    assert set(one.map(tasks.process_of, range(3))) == {os.getpid()}
    assert set(LocalExecutor(4).map(tasks.process_of, range(1))) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_error_of_a_task_reaches_the_caller_and_no_worker_survives(workers: int) -> None:
    before = children()
    executor = LocalExecutor(workers)
    results = executor.map(tasks.fail_on_three, range(40))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(tasks.UnlikelyError, match="three"):
        next(results)
    assert children() == before
    with executor:
        assert list(executor.map(tasks.double, range(3))) == [0, 2, 4]


def test_an_error_among_tasks_larger_than_a_pipe_hangs_nothing() -> None:
    before = children()
    with pytest.raises(tasks.UnlikelyError):
        list(LocalExecutor(2).map(tasks.fail_at_once, (bytes(8_000_000) for _ in range(20))))
    assert children() == before


def test_a_caller_that_stops_reading_leaves_no_worker() -> None:
    before = children()
    results = LocalExecutor(2).map(tasks.slow_if_even, range(1000))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert children() == before


def test_a_worker_that_is_killed_is_one_line_for_the_user() -> None:
    before = children()
    with pytest.raises(WorldError) as error:
        list(LocalExecutor(2).map(tasks.kill_itself, range(30)))
    assert "a worker process died" in str(error.value)
    assert "\n" not in str(error.value)
    assert "--workers" in str(error.value)
    assert error.value.exit_code == 1
    assert children() == before


PARENT = """
import sys
from pathlib import Path
from nyxqa.builders.engine.executors.local import LocalExecutor
from tests.support import tasks
if __name__ == "__main__":
    list(LocalExecutor(2).map(getattr(tasks, sys.argv[1]), [Path(sys.argv[2])] * 4))
"""


@pytest.mark.parametrize("task", ["write_pid_and_sleep", "write_pid_and_block"])
def test_workers_die_when_their_parent_is_killed(task: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    pids = tmp_path / "pids"
    pids.mkdir()
    parent = subprocess.Popen([sys.executable, script, task, pids], cwd=ROOT, env=environment(), start_new_session=True)
    try:
        until = time.monotonic() + 40
        while len(found := [int(file.name) for file in pids.iterdir()]) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        assert len(found) == 2
        assert all(psutil.pid_exists(pid) for pid in found)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert all(wait_until_gone(pid, 5) for pid in found)
    finally:
        parent.kill()
        for file in pids.iterdir():
            if psutil.pid_exists(int(file.name)):
                os.kill(int(file.name), signal.SIGKILL)


def test_workers_have_the_environment_of_now_and_no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("1", "2"):  # the process they are forked from started with the first
        monkeypatch.setenv("NYXQA_TEST_VALUE", value)
        with LocalExecutor(2) as executor:
            assert set(executor.map(tasks.setting, ["NYXQA_TEST_VALUE"] * 4)) == {value}
            assert set(executor.map(tasks.converts_without_pandas, range(4))) == {True}
