"""Memory of a push does not follow the size of its files."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from nyxqa.schemas.manifest import FileEntry, read_manifest, write_manifest
from nyxqa.schemas.writing import file_hash
from tests.support.hub_client import WRITES, client_environment
from tests.support.hub_server import hub
from tests.support.running import ROOT

_FILES = 10
_BYTES = 500_000_000
_MOST = 500_000_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_files_of_500_mb_in_less_than_500_mb(dataset: Path, tmp_path: Path) -> None:
    manifest = read_manifest(dataset)
    files = {path: entry for path, entry in manifest.files.items() if "/web-" not in path}
    for old in (dataset / "data" / "corpus").iterdir():
        old.unlink()
    for number in range(_FILES):
        path = dataset / f"data/corpus/web-{number:05d}-of-{_FILES:05d}.parquet"
        with path.open("wb") as stream:
            stream.write(number.to_bytes(8, "big"))
            stream.truncate(_BYTES)
        files[path.relative_to(dataset).as_posix()] = FileEntry(file_hash(path), 1)
    write_manifest(dataset, replace(manifest, files=files))
    with hub(None) as server:
        command = [sys.executable, "-m", "nyxqa", "push", str(dataset), "ann/set", "--force", "--images", "bytes"]
        environment = {**client_environment(server, tmp_path / "home"), "HF_TOKEN": WRITES}
        process = psutil.Popen(command, cwd=ROOT, env=environment)
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        assert process.wait() == 0
        watcher.join()
        assert sum(one.body >= _BYTES for one in server.uploads()) == _FILES
        repository = server.store.repositories["ann/set"]
        assert {path for path in repository.files() if path.startswith("data/")} == set(files)
        assert len(repository.history) == 1
    assert 50_000_000 < peak[0] < _MOST


def _watch(process: psutil.Popen, peak: list[int]) -> None:
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        try:
            peak[0] = max(peak[0], process.memory_info().rss)
        except psutil.Error:
            return
        time.sleep(0.02)
