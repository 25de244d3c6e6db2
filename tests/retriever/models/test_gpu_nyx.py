"""The benchmark that runs on a GPU: without one it says "not run", and its sections are tried here on small shapes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import benchmarks.gpu_nyx as gpu_nyx
from benchmarks.gpu import model, sections
from tests.support.running import ROOT, environment

SCRIPT = Path(gpu_nyx.__file__)
TINY = argparse.Namespace(tiny=True, text=200, batch=640)


def test_without_a_gpu_it_says_not_run(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    out = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--out", out], capture_output=True, text=True, cwd=ROOT, env=environment(), check=True
    )
    assert done.stdout.startswith("gpu_nyx: not run: no GPU here")
    assert json.loads(out.read_text()) == {"status": "not run"}


def test_a_section_that_fails_or_hangs_is_a_line_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "sections.py"
    script.write_text(
        "import sys, time\n"
        "name = sys.argv[-1]\n"
        "print('{\"rows 16\": 1}', flush=True)\n"
        "if name == 'cached': time.sleep(60)\n"
        "if name == 'train': raise SystemExit('CUDA error: device-side assert')\n"
        'print(\'{"rows 16": 1, "rows 640": 2}\')\n'
    )
    monkeypatch.setattr(gpu_nyx, "__file__", str(script))
    result: dict[str, Any] = {"sections": {}, "errors": {}}
    for name, seconds in (("cached", 2), ("train", 20), ("encode", 20)):
        gpu_nyx._child(name, seconds, result)
    assert result["errors"] == {"cached": "stopped after 2 s", "train": "exit 1: CUDA error: device-side assert"}
    assert result["sections"]["cached"] == {"rows 16": 1}
    assert result["sections"]["encode"] == {"rows 16": 1, "rows 640": 2}


def test_a_large_batch_by_chunks_on_a_small_shape() -> None:
    found = sections.cached(TINY)["rows 6"]
    assert found["inputs"] == 18
    assert found["chunks"] > 4
    assert found["loss"] > 0
    assert found["gradient_norm"] > 0


def test_texts_and_images_are_encoded_on_a_small_shape() -> None:
    found = sections.encode(TINY)
    assert found["images"]["tokens_a_row"] == found["texts"]["tokens_a_row"] + 7  # 4 of 56 x 56 pixels, 2 around, " "
    assert found["texts"]["model_flops_per_second"] > 0


def test_weights_of_the_real_shape_are_those_of_3b() -> None:
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel

    config = Qwen2_5_VLConfig(text_config=dict(model.TEXT), vision_config=dict(model.VISION))
    with torch.device("meta"):
        network = Qwen2_5_VLModel(config)
    # Qwen2.5-VL-3B: 3.75 billion weights in its checkpoint, the head tied to the embeddings.
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(3.754e9, rel=0.001)
