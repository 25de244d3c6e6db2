"""``nyxqa train``: from a published dataset to a model folder."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.retriever.models.batching import encode_inputs
from nyxqa.retriever.models.factory import load_model
from nyxqa.retriever.protocols import ModelInput
from nyxqa.retriever.training.checkpoint import Checkpoints
from nyxqa.retriever.training.options import refuse_unused
from nyxqa.retriever.training.train import train_on
from nyxqa.schemas.errors import FormatError, UsageError
from tests.support.running import leave
from tests.support.snippets import fenced
from tests.support.tiny_dataset import tiny_dataset


def test_a_model_folder(built_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model"
    assert leave("train", built_sample, "--model", "tiny", "--out", out, "--epochs", 2) == 0
    assert f"{out} is ready after" in capsys.readouterr().out
    names = {path.name for path in out.iterdir()}
    assert names == {
        *("README.md", "config.json", "model.safetensors", "evaluation.json"),
        *("metrics.jsonl", "curves.png", "checkpoints"),
    }
    found = json.loads((out / "evaluation.json").read_bytes())
    figures = {
        (one["system"], one["dim"], one["metric"]): one
        for one in found["figures"]
        if one["dataset"] == one["kind"] == "all"
    }
    assert {(system, dim) for system, dim, _ in figures} == {
        ("bm25", 0),
        *((system, dim) for system in ("before training", "trained") for dim in (256, 128, 64, 32)),
    }
    assert figures["trained", 256, "mrr"]["mean"] > figures["before training", 256, "mrr"]["mean"]
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: nyxqa\n")
    assert "| trained | 256 | all | all |" in card and str(built_sample) not in card
    assert "| dims | (256, 128, 64, 32) |" in card
    assert make_encoder(f"tiny:{out}").name == "tiny:model"


def test_the_folder_must_be_empty_or_a_run_to_resume(built_sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    steps = train_on(built_sample, "tiny", out, overrides={"max_steps": 2}).steps
    assert steps == 2
    before = (out / "model.safetensors").read_bytes()
    with pytest.raises(UsageError, match="holds a run; name an empty folder, or continue a run with --resume"):
        train_on(built_sample, "tiny", out, overrides={"max_steps": 2})
    train_on(built_sample, "tiny", out, resume=True, overrides={"max_steps": 2})
    assert (out / "model.safetensors").read_bytes() == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds files of something else"):
        train_on(built_sample, "tiny", tmp_path / "other")


def test_a_run_stopped_before_its_first_checkpoint_starts_from_the_beginning(
    built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoints, "save", stop)
        train_on(built_sample, "tiny", out, overrides={"max_steps": 2})
    assert [path.name for path in out.iterdir()] == ["metrics.jsonl"]
    with pytest.raises(UsageError, match="continue a run with --resume"):
        train_on(built_sample, "tiny", out, overrides={"max_steps": 2})
    capsys.readouterr()
    assert train_on(built_sample, "tiny", out, resume=True, overrides={"max_steps": 2}).steps == 2
    assert f"nyxqa: {out} has no checkpoint yet, so training starts from the beginning\n" in capsys.readouterr().err
    assert (out / "model.safetensors").is_file()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds files of something else"):
        train_on(built_sample, "tiny", tmp_path / "other", resume=True)


def test_mixture_and_feedback_are_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stage 1 takes the mixture where there is one, stage 2 what a model answered with."""
    tiny_dataset(full=True).write(tmp_path / "data")
    for stage in (1, 2):
        out = tmp_path / f"model{stage}"
        assert leave("train", tmp_path / "data", "--model", "tiny", "--out", out, "--stage", stage, "--epochs", 1) == 0
        rows = {1: "10 rows of mixture/train", 2: "5 rows of feedback/train"}[stage]
        assert f"on {rows} with" in (out / "README.md").read_text()


def test_the_second_stage_goes_on_from_a_trained_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows retained without a positive are skipped, and not counted in the card."""
    tiny = tiny_dataset(full=True)
    rows = tiny.rows("feedback", "train")
    rows[0]["positive_ids"] = []
    tiny.write(tmp_path / "data")
    one, two = tmp_path / "one", tmp_path / "two"
    assert leave("train", tmp_path / "data", "--model", "tiny", "--out", one, "--max-steps", 2) == 0
    arguments = ("--init", f"tiny:{one}", "--out", two, "--max-steps", 1, "--lr", "1e-9")
    assert leave("train", tmp_path / "data", "--stage", 2, *arguments) == 0
    assert "1 feedback row without a positive is skipped" in capsys.readouterr().err
    assert f"on {len(rows) - 1} rows of feedback/train with" in (two / "README.md").read_text()
    sides = [ModelInput("The harbour in pool web.")]
    fresh, first, second = (encode_inputs(load_model(spec), sides) for spec in ("tiny", f"tiny:{one}", f"tiny:{two}"))
    assert abs(second - first).max() < 1e-6 < abs(first - fresh).max()
    for row in rows:
        row["positive_ids"] = []
    tiny.write(tmp_path / "none")
    with pytest.raises(FormatError, match="no row of feedback/train has a positive"):
        train_on(tmp_path / "none", "tiny", tmp_path / "three", stage=2)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ((), "no model to train is given"),
        (("--init", "tiny"), "--init tiny does not name a trained model"),
        (("--init", "tiny:one", "--model", "nyx:base"), "--init tiny:one is not a nyx model"),
    ],
)
def test_what_to_start_from_must_be_clear(
    arguments: tuple[str, ...], wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("train", tmp_path, "--out", tmp_path / "out", *arguments) == 2
    assert wrong in capsys.readouterr().err


@pytest.mark.parametrize("model", ["tiny:", "bert", "nyx"])
def test_unknown_models_are_refused(model: str, built_sample: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown model .* valid names: tiny\[:PATH\]"):
        train_on(built_sample, model, tmp_path / "out")


def test_no_rows_for_the_stage(built_sample: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has no feedback/train to train on; make it with: nyxqa feedback DATA"):
        train_on(built_sample, "tiny", tmp_path / "out", stage=2)


def test_negatives_are_mined_by_a_trained_model(built_sample: Path, tmp_path: Path) -> None:
    train_on(built_sample, "tiny", tmp_path / "miner", overrides={"max_steps": 2})
    # As the card of the model says it; the rest makes the build small.
    (usage,) = fenced((tmp_path / "miner" / "README.md").read_text(encoding="utf-8"), "")
    command = shlex.split(usage.replace("FOLDER", str(tmp_path / "miner")))
    assert command[0] == "nyxqa"
    small = ("--out", tmp_path / "data", "--limit", 16, "--workers", 1)
    assert leave(*command[1:], *small, "--set", "split.validation=0.0", "--set", "split.test=0.0") == 0
    rows = pq.read_table(next((tmp_path / "data" / "data" / "triplets").iterdir())).to_pylist()
    assert {row["miner"] for row in rows if row["dataset"] == "nyxqa"} == {"tiny:miner"}
    assert all(row["positives"][0]["rank"] is not None for row in rows)  # a dense search ranks every document
    assert any(row["negative_ids"] for row in rows)
    assert not any(row["positive_id"] in row["negative_ids"] for row in rows)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lora.rank": 8}, "--lora-rank is for nyx: and hf: models; tiny has no adapters"),
        ({"lora.dora": True}, "--dora is for nyx: and hf: models"),
        ({"lora": "paper"}, "--lora is for"),
        ({"max_pixels": 1000}, "--max-pixels is for nyx: and hf: models; tiny has no images"),
        ({"checkpointing": True}, "--checkpointing is for"),
    ],
)
def test_options_that_a_small_model_does_not_read_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        refuse_unused("tiny", given)
    refuse_unused("nyx:model", given)


def test_options_that_change_nothing_are_taken() -> None:
    refuse_unused("tiny:start", {"lora": False, "checkpointing": False, "clip": 1.0, "dims": "64"})
