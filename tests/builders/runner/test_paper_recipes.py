"""The shipped recipes of the paper as the command runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nyxqa.build import run
from nyxqa.builders.chunking.tokenizers import first_tokenizer
from nyxqa.schemas.errors import UsageError
from tests.support.published import table
from tests.support.running import leave


@pytest.mark.parametrize(("name", "wanted"), [("paper-stage1", 10), ("paper-stage2", 6)])
def test_what_has_to_be_downloaded_is_listed(
    name: str, wanted: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("build", "--split", "train", "--recipe", name, "--out", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nyxqa: the recipe needs {wanted} downloads")
    assert "wiki18_100w.jsonl: 21 million passages" in line
    assert str(Path.cwd()) not in line
    assert not (tmp_path / "out").exists()


def test_the_instruction_stands_on_the_triplets_of_pages(tmp_path: Path) -> None:
    settings = {"negatives.instruction": "Find the page.", "text": [], "mixture": None, "sample.count": 4}
    run("train", out=tmp_path / "out", limit=12, workers=1, settings=settings)
    assert {row["instruction"] for row in table(tmp_path / "out", "triplets", "train")} == {"Find the page."}


def test_the_first_tokenizer_that_can_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # as without a network, at once
    assert first_tokenizer("words") == "words"
    assert first_tokenizer("words|nobody/nothing") == "words"
    assert first_tokenizer("nobody/nothing-here|words") == "words"
    with pytest.raises(UsageError, match="does not contain a tokenizer"):
        first_tokenizer(f"{tmp_path}|words")
