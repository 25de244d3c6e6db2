from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path, PurePosixPath

from nyxqa.builders.engine.executors.cluster.transport import packed, unpacked
from tests.support import tasks
from tests.support.running import ROOT, environment

_ELSEWHERE = (
    "import pickle, sys; function, task = pickle.load(sys.stdin.buffer); print(function.args[0], task, sep=chr(10))"
)


def test_relative_paths_lead_to_the_same_files_from_anywhere(tmp_path: Path) -> None:
    data = packed((partial(tasks.logged_shard, Path("log")), [Path("a/b.parquet"), Path("/c"), Path()]))
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        input=data, cwd=tmp_path, env=environment(), capture_output=True, check=True,
    )  # fmt: skip
    here = Path.cwd()
    assert done.stdout.decode().splitlines() == [str(here / "log"), repr([here / "a/b.parquet", Path("/c"), here])]


def test_other_values_are_as_they_were() -> None:
    value = {"text": "a/b", "pure": PurePosixPath("a/b"), "numbers": (1, 2.5, None)}
    assert unpacked(packed(value)) == value
    assert os.fspath(unpacked(packed(ROOT))) == os.fspath(ROOT)
