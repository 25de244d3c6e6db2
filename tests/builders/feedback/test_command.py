"""The command: from a trained retriever to a second stage, estimates, and what it prints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nyxqa.retriever.training.train import train_on
from nyxqa.schemas.manifest import read_manifest
from tests.support.facts import Facts
from tests.support.oracle_model import oracle_of
from tests.support.published import table
from tests.support.running import leave
from tests.support.vlm_server import VlmServer


def test_both_stages(built_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train, ask with what was trained, relabel, train on."""
    data = tmp_path / "data"
    shutil.copytree(built_sample, data, ignore=shutil.ignore_patterns(".work"))
    train_on(data, "tiny", tmp_path / "one", overrides={"max_steps": 2})
    with VlmServer(reply=oracle_of(data).reply) as server:
        models = ("--retriever", f"tiny:{tmp_path / 'one'}", "--vlm", f"openai:told@{server.url}")
        assert leave("feedback", data, *models, "--top-k", 3, "--json") == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line.get("step") for line in lines][-3:] == ["feedback/candidates", "feedback", None]
        assert lines[-1]["changed"] and lines[-1]["retriever"] == "tiny:one" and lines[-1]["asked"] > 100
        served = server.served
        assert leave("feedback", data, "--relabel", "--recipe", "paper-code", "--set", "feedback.drop=[]") == 0
        told = capsys.readouterr().out
        assert "positives of the first right window" in told and "dropped: none" in told
        assert server.served == served
    assert all(len(row["positive_ids"]) <= 1 for row in table(data, "feedback"))
    assert all(one["score"] is not None for row in table(data, "feedback") for one in row["candidates"])
    start = f"tiny:{tmp_path / 'one'}"
    assert leave("train", data, "--stage", 2, "--init", start, "--out", tmp_path / "two", "--max-steps", 2) == 0
    assert "rows of feedback/train with" in (tmp_path / "two" / "README.md").read_text()


def test_an_estimate_is_no_less_than_what_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = Facts(24, 20)
    facts.write(tmp_path)
    with VlmServer(reply=facts.reply) as server:
        arguments = ("feedback", tmp_path, "--retriever", "bm25", "--vlm", f"openai:m@{server.url}", "--top-k", 7)
        assert leave(*arguments, "--estimate", "--json", "--window", 2) == 0
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "estimate" in line]
        told = json.loads(line)["estimate"]
        assert server.served == 0 and "feedback" not in read_manifest(tmp_path).summary
        assert told["total"]["requests"] == 24 * (1 + 6)
        assert told["total"]["images"] > 24 and told["total"]["prompt_tokens"] > 24 * 5 * 150
        never = ("--set", "feedback.enough_positives=99", "--window", 2)
        assert leave(*arguments, *never) == 0
        assert server.served == told["total"]["requests"]
    assert leave("feedback", tmp_path, "--relabel", "--estimate") == 2
    assert "nothing to estimate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--retriever", "bm25", "--vlm", "extractive"), 2, "name a model: openai:MODEL@URL"),
        (("--relabel",), 1, "has no feedback to relabel"),
        (("--relabel", "--vlm", "openai:m@http://127.0.0.1:9/v1"), 2, "--retriever or --vlm cannot change"),
        (
            ("--retriever", "bm25", "--vlm", "openai:m@http://127.0.0.1:9/v1", "--set", "feedback.tresh=1"),
            2,
            "threshold",
        ),
    ],
)
def test_one_line_says_what_is_wrong(
    arguments: tuple[str, ...], code: int, message: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("feedback", dataset, *arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nyxqa: ") and message in line


def test_without_train_triplets_or_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = ("--retriever", "bm25", "--vlm", "openai:m@http://127.0.0.1:9/v1")
    assert leave("feedback", tmp_path / "none", *models) == 1
    assert "is not a folder; build a dataset with" in capsys.readouterr().err
    facts = Facts(8, 20)
    facts.tiny.tables["triplets"]["validation"] = facts.tiny.tables["triplets"].pop("train")
    facts.tiny.tables["qa"]["validation"] = facts.tiny.tables["qa"].pop("train")
    facts.write(tmp_path / "data")
    assert leave("feedback", tmp_path / "data", *models) == 1
    assert "has no train triplets" in capsys.readouterr().err
