"""Builds that are killed, interrupted or run out of disk go on where they stopped, to the same bytes."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.cli import main
from nyxqa.schemas.chance import chance
from nyxqa.schemas.manifest import read_manifest
from tests.support.running import STEP_LINE, nyxqa, published, started, states, wait_for_none

KILLS = int(os.environ.get("NYXQA_KILLS", "2"))
SEED = int(os.environ.get("NYXQA_KILL_SEED", "42"))
START = 0.7  # seconds until a process works


@pytest.mark.timeout(120 + 60 * KILLS)
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_killed_at_random_moments_a_build_comes_to_the_same_bytes(
    workers: int, small_recipe: Path, small_build: Path, tmp_path: Path
) -> None:
    arguments = ("build", "--split", "all", "--recipe", small_recipe, "--out", tmp_path / "out", "--workers", workers)
    work = sum(entry.seconds for entry in read_manifest(small_build).stages) + 1
    killed = number = 0
    while number < KILLS or not killed:
        with started(*arguments) as process:
            moment = START + 2 * work / KILLS * chance(SEED, f"kill {workers}", str(number))
            try:
                process.wait(moment)
                assert process.returncode == 0
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
            process.wait()
            assert wait_for_none(process.pid) == []
        number += 1
        if not killed:  # the machine has become faster than it was when the small build was made
            shutil.rmtree(tmp_path / "out")
            work /= 2
    finished = nyxqa(*arguments)
    assert finished.returncode == 0, finished.stderr
    assert published(tmp_path / "out") == published(small_build)
    before = states(tmp_path / "out")
    assert nyxqa(*arguments).stderr == f"{tmp_path / 'out'} is up to date\n"
    assert states(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("number", "code", "workers"),
    [
        (signal.SIGINT, 130, 1),
        (signal.SIGINT, 130, 2),
        (signal.SIGTERM, 143, 2),
        pytest.param(signal.SIGTERM, 143, 1, marks=pytest.mark.slow),
    ],
)
def test_interrupted_a_build_says_one_line_leaves_nobody_and_goes_on(
    number: signal.Signals, code: int, workers: int, small_recipe: Path, small_build: Path, tmp_path: Path
) -> None:
    """The signal goes to the whole group, as Ctrl-C does, while workers start or work."""
    out = tmp_path / "out"
    arguments = ("build", "--split", "all", "--recipe", small_recipe, "--out", out, "--workers", workers)
    with started(*arguments) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(0.1)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        assert wait_for_none(process.pid) == []
    assert STEP_LINE.match(first)
    lines = [line for line in err.splitlines() if not STEP_LINE.match(line)]
    said = {130: "nyxqa: interrupted; run again to continue", 143: "nyxqa: terminated; run again to continue"}
    assert lines == [said[code]]
    assert not (out / "manifest.json").exists()
    if workers == 1:
        run("all", recipe=small_recipe, out=out, workers=1)
        assert published(out) == published(small_build)


@pytest.mark.parametrize("nth", [2, pytest.param(25, marks=pytest.mark.slow), 60])
def test_a_full_disk_is_one_line_and_the_build_goes_on_after_it(
    nth: int,
    small_recipe: Path,
    small_build: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    calls = 0
    real = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls >= nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(os, "fsync", full)
        main(["build", "--split", "all", "--recipe", str(small_recipe), "--out", str(out), "--workers", "1"])
    assert left.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if not STEP_LINE.match(line)]
    assert lines == ["nyxqa: the disk is full; free some space and run again, finished shards are reused"]
    assert not (out / "manifest.json").exists()
    run("all", recipe=small_recipe, out=out, workers=1)
    assert published(out) == published(small_build)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system that is full soon."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system here: {mounted.stderr.strip()}")
    return folder


def test_on_a_disk_that_is_really_full(small_disk: Path, small_recipe: Path, small_build: Path) -> None:
    arguments = ("build", "--split", "all", "--recipe", small_recipe, "--out", small_disk / "out", "--workers", 1)
    fulls = 0
    try:
        while (found := nyxqa(*arguments)).returncode == 1:
            fulls += 1
            lines = [line for line in found.stderr.splitlines() if not STEP_LINE.match(line)]
            assert len(lines) == 1
            assert re.match(r"nyxqa: the disk is full.*; free some space.* run again", lines[0])
            assert not (small_disk / "out" / "manifest.json").exists()
            subprocess.run(["mount", "-o", f"remount,size={64 * 5**fulls}k", small_disk], check=True)
        assert found.returncode == 0, found.stderr
        assert fulls >= 3
        assert published(small_disk / "out") == published(small_build)
    finally:
        subprocess.run(["umount", small_disk], check=True)
