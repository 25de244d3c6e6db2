"""The example with sentence-transformers' trainer: it trains on an export, and nyxqa reads what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nyxqa
from nyxqa.retriever.models.checkpoints import ModelName
from nyxqa.retriever.models.nyx import load_nyx
from tests.support.running import ROOT, environment, leave
from tests.support.tiny_dataset import tiny_dataset


def test_two_steps_of_the_example(tiny_qwen: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", minversion="6.2")
    tiny_dataset().write(tmp_path / "data")
    assert leave("export", tmp_path / "data", "--to", "sentence-transformers", "--out", tmp_path / "exported") == 0
    load_nyx(ModelName(str(tiny_qwen))).save(tmp_path / "start")
    options = ["--batch-size", "2", "--chunk", "1", "--max-steps", "2", "--lr", "0.01"]
    command = [sys.executable, "examples/train_st.py", tmp_path / "exported", tmp_path / "start", tmp_path / "out"]
    done = subprocess.run(
        [*map(str, command), *options],
        cwd=ROOT,
        env={**environment(), "HF_DATASETS_CACHE": str(tmp_path / "cache"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    losses = json.loads((tmp_path / "out" / "losses.json").read_text())
    assert len(losses) == 2 and all(loss > 0 for loss in losses)
    texts = ["a mill by the river", "the old tower"]
    start, trained = (nyxqa.encoder(f"nyx:{tmp_path / name}").encode(texts) for name in ("start", "out"))
    assert np.abs(start - trained).max() > 1e-3
