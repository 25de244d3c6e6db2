"""Two processes on the CPU, as torchrun launches them: they end where one does, and one of them talks."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nyxqa.retriever.models.factory import ModelOptions, load_model
from nyxqa.retriever.models.lora import Lora
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.trainer import train
from tests.support.running import ROOT, environment, leave
from tests.support.triplet_rows import triplets

SETTINGS = TrainSettings(batch_size=10, learning_rate=1e-2, temperature=0.05, max_steps=3)
OPTIONS = ModelOptions(Lora(dropout=0.0), checkpointing=False)
_TRAIN = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
import tests.support.torchvision_cpu
from nyxqa.retriever.models.factory import load_model
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.training.devices import start_processes
from nyxqa.retriever.training.trainer import train
from tests.retriever.training.test_processes import OPTIONS, SETTINGS
from tests.support.triplet_rows import triplets
out, qwen = Path(sys.argv[1]), sys.argv[2]
rank = start_processes("no").process_index
for name, model in (("tiny", TinyModel()), ("nyx", load_model(f"nyx:{qwen}", options=OPTIONS))):
    losses = train(model, triplets(25), replace(SETTINGS, chunk=4)).losses
    weights = {key: one.detach() for key, one in model.module.named_parameters() if one.requires_grad}
    torch.save({"losses": losses, "weights": weights}, out / f"{name}-{rank}.pt")
"""


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python with ``arguments`` in two processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=environment() | {"ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_two_processes_by_chunks_end_as_one_with_whole_batches(tiny_qwen: Path, tmp_path: Path) -> None:
    """Twenty-five rows in batches of ten: the last batch of five is shared by three and two."""
    script = tmp_path / "run.py"
    script.write_text(_TRAIN)
    done = torchrun(script, tmp_path, tiny_qwen)
    assert done.returncode == 0, done.stderr[-2000:]
    models = {"tiny": TinyModel(), "nyx": load_model(f"nyx:{tiny_qwen}", options=OPTIONS)}
    for name, model in models.items():
        losses = train(model, triplets(25), SETTINGS).losses
        shares = [torch.load(tmp_path / f"{name}-{rank}.pt") for rank in (0, 1)]
        for share in shares:
            assert share["losses"] == pytest.approx(losses, abs=1e-5)
        for key, one in model.module.named_parameters():
            if one.requires_grad:
                assert torch.equal(shares[0]["weights"][key], shares[1]["weights"][key])
                # AdamW moves a weight whose gradient is rounding alone by up to the rate.
                assert float((shares[0]["weights"][key] - one).abs().mean()) < 1e-5


def test_the_command_in_two_processes(built_sample: Path, tmp_path: Path) -> None:
    options = ("train", built_sample, "--model", "tiny", "--max-steps", 2, "--epochs", 1, "--batch-size", 64)
    done = torchrun("-m", "nyxqa", *options, "--chunk", 40, "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("is ready after 2 steps") == 1
    assert leave(*options, "--out", tmp_path / "one") == 0
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, weight in one.items():
        assert float((two[name] - weight).abs().mean()) < 1e-5, name
    figures = [json.loads((tmp_path / name / "evaluation.json").read_bytes())["figures"] for name in ("one", "two")]
    assert [line["mean"] for line in figures[1]] == pytest.approx([line["mean"] for line in figures[0]], abs=0.03)
    again = torchrun("-m", "nyxqa", *options, "--chunk", 40, "--out", tmp_path / "two")
    assert again.returncode != 0
    assert again.stderr.count("holds a run; name an empty folder") == 1
