"""The trainer over small rows: it learns, resumes to the bit, and gives devices their share."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.training.metrics import METRICS, read_metrics
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.training.trainer import CHECKPOINTS, train
from nyxqa.schemas.errors import LawError, UsageError, WorldError
from tests.support.running import ROOT, environment
from tests.support.triplet_rows import Row, triplet, triplets

SETTINGS = TrainSettings(epochs=2, batch_size=8, learning_rate=1e-3, temperature=0.05, checkpoint_steps=2)


def weights(model: TinyModel) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in model.module.named_parameters()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one | other)


def test_the_loss_falls(tmp_path: Path) -> None:
    model = TinyModel()
    before = weights(model)
    trained = train(model, triplets(), SETTINGS, tmp_path, evaluate=lambda _: {"mrr": 0.5})
    assert trained.steps == len(trained.losses) == 10
    assert sum(trained.losses[-3:]) < 0.7 * sum(trained.losses[:3])
    assert not equal(before, weights(model))
    lines = read_metrics(tmp_path / METRICS)
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 11))
    assert [line["step"] for line in lines if "evaluation" in line] == [5, 10]
    assert [line["loss"] for line in lines if "loss" in line] == trained.losses
    assert lines[0]["learning_rate"] == SETTINGS.learning_rate  # one step of warm-up


def test_equal_settings_give_equal_weights_and_another_seed_others() -> None:
    models = [TinyModel() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        train(model, triplets(), TrainSettings(batch_size=8, learning_rate=1e-3, seed=seed))
    assert equal(weights(models[0]), weights(models[1]))
    assert not equal(weights(models[0]), weights(models[2]))


def test_rows_without_negatives_train_in_one_batch_with_others() -> None:
    """On such batches the Nyx code fails."""
    rows = [triplet(0), triplet(1)]
    assert [len(row["negatives"]) for row in rows] == [0, 2]
    assert train(TinyModel(), rows, TrainSettings(batch_size=2)).losses[0] > 0


def test_only_rows_without_negatives() -> None:
    """The batch's other positives are what they are told from."""
    assert train(TinyModel(), [triplet(0), triplet(3)], TrainSettings(batch_size=2)).losses[0] > 0


def test_a_positive_among_negatives_is_refused() -> None:
    """No row is trained on its own positive as a negative."""
    row = triplet(1)
    row["negative_ids"][0] = row["positive_id"]
    with pytest.raises(LawError, match=r"row nyxqa/0{31}1: document d1 is both its positive and its negative"):
        train(TinyModel(), [row], SETTINGS)


def test_an_empty_negative_is_refused_not_replaced() -> None:
    """The Nyx code puts the positive in its place."""
    row = triplet(1)
    row["negatives"][0] = {"text": " ", "images": []}
    with pytest.raises(LawError, match=r"row nyxqa/0{31}1: negative d2 is empty"):
        train(TinyModel(), [row], SETTINGS)


def test_no_rows() -> None:
    with pytest.raises(WorldError, match="no rows to train on"):
        train(TinyModel(), [], SETTINGS)


def test_missing_accelerate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(
        UsageError, match=r"accelerate is not installed; install it in a checkout with: pip install '\.\[train\]'"
    ):
        train(TinyModel(), triplets(4), SETTINGS)


class StopHereError(Exception):
    pass


class Broken(Sequence[Row]):
    """Rows that can be read so many times."""

    def __init__(self, rows: list[Row], reads: int) -> None:
        self.rows, self.left = rows, reads

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:  # type: ignore[override]
        self.left -= 1
        if self.left < 0:
            raise StopHereError
        return self.rows[index]


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_a_resumed_run_ends_as_if_it_had_not_stopped(steps: int, tmp_path: Path) -> None:
    """Also before the first checkpoint, where the Nyx code cannot resume."""
    rows = triplets()
    whole = TinyModel()
    losses = train(whole, rows, SETTINGS).losses
    reads = len(rows) + steps * SETTINGS.batch_size  # lengths are measured first
    with pytest.raises(StopHereError):
        train(TinyModel(), Broken(rows, reads), SETTINGS, tmp_path)
    resumed = TinyModel()
    rest = train(resumed, rows, SETTINGS, tmp_path, resume=True).losses
    assert len(rest) == 10 - steps // 2 * 2
    assert rest == losses[-len(rest) :]
    assert equal(weights(whole), weights(resumed))
    lines = read_metrics(tmp_path / METRICS)
    assert [line["loss"] for line in lines] == losses
    assert train(TinyModel(), rows, SETTINGS, tmp_path, resume=True).losses == []


_SCRIPT = """
import sys
from pathlib import Path
from nyxqa.retriever.training.settings import TrainSettings
from nyxqa.retriever.models.tiny import TinyModel
from nyxqa.retriever.training.trainer import train
from tests.support.triplet_rows import triplets
out, resume = Path(sys.argv[1]), sys.argv[2] == "resume"
settings = TrainSettings(epochs=20, batch_size=8, learning_rate=1e-3, checkpoint_steps=3)
model = TinyModel()
train(model, triplets(), settings, out, resume=resume)
model.save(out / "model")
"""


def run_script(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _SCRIPT, *map(str, arguments)], cwd=ROOT, env=environment())


def test_resume_after_kill_ends_in_the_same_bytes(tmp_path: Path) -> None:
    whole = run_script(tmp_path / "whole", "new")
    killed = run_script(tmp_path / "killed", "new")
    until = time.monotonic() + 60
    while not list((tmp_path / "killed" / CHECKPOINTS).glob("step-*.pt")) and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait(10) == -signal.SIGKILL
    steps = [int(one.stem[5:]) for one in (tmp_path / "killed" / CHECKPOINTS).glob("step-*.pt")]
    assert steps and max(steps) < 100
    assert whole.wait(60) == 0
    assert run_script(tmp_path / "killed", "resume").wait(60) == 0
    one, other = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "killed"))
    assert one == other


def test_a_run_is_neither_overwritten_nor_resumed_otherwise(tmp_path: Path) -> None:
    rows = triplets()
    train(TinyModel(), rows, SETTINGS, tmp_path)
    with pytest.raises(UsageError, match="holds a run; continue it with --resume"):
        train(TinyModel(), rows, SETTINGS, tmp_path)
    with pytest.raises(UsageError, match="belongs to a run with other settings, rows or processes"):
        train(TinyModel(), rows, replace(SETTINGS, learning_rate=2e-3), tmp_path, resume=True)
    with pytest.raises(UsageError, match="belongs to a run with other settings"):
        train(TinyModel(), rows[:-1], SETTINGS, tmp_path, resume=True)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    train(TinyModel(), triplets(), SETTINGS, tmp_path)
    last = max((tmp_path / CHECKPOINTS).iterdir())
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(WorldError, match=r"step-00000010\.pt cannot be read"):
        train(TinyModel(), triplets(), SETTINGS, tmp_path, resume=True)


def test_max_steps_ends_the_run_and_its_rate() -> None:
    assert train(TinyModel(), triplets(), replace(SETTINGS, max_steps=3)).steps == 3


_DEVICE = """
import sys
from pathlib import Path
import torch
from accelerate import Accelerator
from nyxqa.retriever.training.devices import sum_gradients
from nyxqa.retriever.training.examples import read_example
from nyxqa.retriever.training.loss import Matryoshka
from nyxqa.retriever.training.step import batch_loss, make_batch
from nyxqa.retriever.models.tiny import TinyModel
from tests.support.triplet_rows import triplets
accelerator = Accelerator()
rank, count = accelerator.process_index, accelerator.num_processes
examples = [read_example(row) for row in triplets(9)]
model = TinyModel()
loss = batch_loss(model, make_batch(model, examples[rank::count]), Matryoshka.of(256, 0.1), "all", accelerator)
loss.backward()
parameters = list(model.module.parameters())
sum_gradients(accelerator, parameters)
torch.save({"loss": loss.detach(), "grads": [one.grad for one in parameters]}, Path(sys.argv[1]) / f"{count}-{rank}.pt")
"""


def test_two_devices_have_the_gradient_of_one(tmp_path: Path) -> None:
    """In-batch negatives cross devices: nine rows, so that the two hold different numbers of them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank, world in ((0, 1), (0, 2), (1, 2)):
        given = {"ACCELERATE_USE_CPU": "true"}
        if world > 1:
            given |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
            given |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, "-c", _DEVICE, str(tmp_path)]
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment() | given))
    assert [process.wait(90) for process in processes] == [0, 0, 0]
    alone, *shared = (torch.load(tmp_path / name) for name in ("1-0.pt", "2-0.pt", "2-1.pt"))
    for one in shared:
        assert float(one["loss"]) == pytest.approx(float(alone["loss"]), abs=1e-6)
        for mine, wanted in zip(one["grads"], alone["grads"], strict=True):
            torch.testing.assert_close(mine, wanted, atol=1e-6, rtol=1e-4)
