"""Loading by several processes: every row once, in one order, without growing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from datasets.distributed import split_dataset_by_node

import nyxqa
from tests.support.dataset_cache import use_cache
from tests.support.running import ROOT, environment
from tests.support.tiny_dataset import tiny_dataset

# Three epochs of two workers; after each, memory and open files of both as the operating system counts them.
_EPOCHS = """
import json, os, sys
import psutil, torch
from torch.utils.data import DataLoader
import nyxqa

def keep(rows):
    for row in rows:
        for side in (row["query"], row["positive"], *row["negatives"]):
            for image in side["images"]:
                image.load()
    return [row["query_id"] for row in rows]

if __name__ == "__main__":
    root, method = sys.argv[1:]
    rows = nyxqa.load("mixture", root, split="train")
    loader = DataLoader(
        rows, batch_size=4, shuffle=True, num_workers=2, multiprocessing_context=method, collate_fn=keep,
        persistent_workers=True, generator=torch.Generator().manual_seed(7),
    )
    epochs = []
    for _ in range(3):
        seen = []
        for _ in range(REPEATS):
            seen.append([one for batch in loader for one in batch])
        workers = psutil.Process().children(recursive=True)
        workers = [one for one in workers if one.num_threads() and "resource_tracker" not in " ".join(one.cmdline())]
        epochs.append({
            "seen": seen,
            "memory": sum(one.memory_info().rss for one in workers),
            "handles": sum(one.num_fds() for one in workers),
            "own_handles": psutil.Process().num_fds(),
        })
    print(json.dumps(epochs))
"""
_REPEATS = 6
_GROWTH = 1.05


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path / "cache")
    tiny_dataset(full=True).write(tmp_path / "out")
    return tmp_path / "out"


def test_two_workers_forked_and_spawned(root: Path, tmp_path: Path) -> None:
    script = tmp_path / "epochs.py"
    script.write_text(_EPOCHS.replace("REPEATS", str(_REPEATS)))
    environ = {**environment(), "HF_DATASETS_CACHE": os.environ["HF_DATASETS_CACHE"]}
    runs = {}
    for method in ("fork", "spawn"):
        command = [sys.executable, script, root, method]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr
        runs[method] = json.loads(done.stdout)
    expected = Counter(nyxqa.load("mixture", root, split="train", join=False)["query_id"][:])
    for epochs in runs.values():
        first, *_, last = epochs
        assert all(Counter(seen) == expected for epoch in epochs for seen in epoch["seen"])
        assert first["seen"] != last["seen"]
        assert last["handles"] == first["handles"]
        assert last["own_handles"] <= first["own_handles"] + 1
        assert last["memory"] <= first["memory"] * _GROWTH
    assert [epoch["seen"] for epoch in runs["fork"]] == [epoch["seen"] for epoch in runs["spawn"]]


def test_nodes_share_out_every_row(root: Path) -> None:
    rows = nyxqa.load("triplets", root, split="train")
    shuffled = rows.shuffle(seed=3)
    for whole in (rows, shuffled):
        shares = [split_dataset_by_node(whole, rank, 2) for rank in range(2)]
        ids = [row["query_id"] for share in shares for row in share]
        assert ids == [row["query_id"] for row in whole]
        assert shares[0][0]["positive"]["text"]
    assert sorted(shuffled["query_id"]) == sorted(rows["query_id"])
    streamed = nyxqa.load("triplets", root, split="train", join=False, streaming=True)
    shares = [[row["query_id"] for row in split_dataset_by_node(streamed, rank, 2)] for rank in range(2)]
    assert sorted(one for share in shares for one in share) == sorted(rows["query_id"])
