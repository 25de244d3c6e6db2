"""The training signal: sound data has one, data with wrong positives does not, and the report says so."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import sys
from pathlib import Path

import pytest

from nyxqa.builders.check import training_signal
from nyxqa.builders.check.check import check_all
from nyxqa.builders.check.negatives_worth import is_installed
from nyxqa.cli import main
from nyxqa.retriever.training.metrics import plot
from nyxqa.schemas.chance import keyed_hash
from tests.support.restamp import Row, rewrite


def report(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "report.json").read_bytes())
    return found


@pytest.mark.timeout(900)  # trains six times; a busy machine stretches that
def test_sound_data_has_a_training_signal(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["check", "--verbose", str(dataset)])
    assert left.value.code == 0
    told = capsys.readouterr()
    assert any(line.startswith("ok training_signal") for line in told.out.splitlines())
    found = report(dataset)
    assert found["passed"] is True and found["failed"] == found["not_run"] == []
    assert found["manifest_sha256"] == hashlib.sha256((dataset / "manifest.json").read_bytes()).hexdigest()
    signal = found["training_signal"]
    assert isinstance(signal, dict)
    assert signal["gains"]["shuffled"]["mrr"]["low"] > 0
    assert signal["gains"]["untrained"]["mrr"]["mean"] > 0
    assert set(signal["means"]) == {"data", "shuffled", "untrained", "bm25"}
    beaten = signal["means"]["bm25"]["mrr"] > signal["means"]["data"]["mrr"]
    assert ("bm25 beats the trained tiny" in signal["note"]) is beaten
    assert ("hard negatives gain" in signal["note"]) is is_installed() is (signal["worth"] != "not measured")
    assert (dataset / "report.png").read_bytes().startswith(b"\x89PNG")


def permuted(rows: list[Row]) -> None:
    """Each row gets the positive of the next in an order by chance."""
    order = sorted(range(len(rows)), key=lambda row: keyed_hash(1, "permuted", rows[row]["query_id"]))
    positives = [(rows[row]["positive_id"], rows[row]["positives"]) for row in order]
    for row, (name, listed) in zip(order, [*positives[1:], positives[0]], strict=True):
        rows[row]["positive_id"], rows[row]["positives"] = name, listed


@pytest.mark.timeout(900)
def test_shuffled_positives_have_no_training_signal(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_signal, "FOLDS", 2)  # sound data passes with two as well
    for split in ("train", "validation", "test"):
        rewrite(dataset, "triplets", split, permuted)
    with pytest.raises(SystemExit) as left:
        main(["check", str(dataset)])
    assert left.value.code == 3
    told = capsys.readouterr()
    assert "so the positives do not answer their questions" in told.out
    assert "training_signal" in told.err
    found = report(dataset)
    assert found["passed"] is False
    assert "training_signal" in found["failed"]  # type: ignore[operator]


def test_too_little_to_tell(dataset: Path) -> None:
    rewrite(dataset, "triplets", "train", lambda rows: rows[:30])
    result = check_all(dataset)
    assert "training_signal" in result.not_run
    assert "are too few" in result.findings[-1].reason
    assert report(dataset)["passed"] is False


def test_without_a_manifest_there_is_nothing_to_report_on(dataset: Path) -> None:
    shutil.move(dataset / "manifest.json", dataset / "else.json")
    result = check_all(dataset)
    assert result.failed == ("manifest",)
    assert result.findings[-1].reason == "manifest failed"
    assert not (dataset / "report.json").exists()


def test_without_matplotlib_the_picture_is_skipped_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level(logging.WARNING):
        assert not plot(tmp_path / "picture.png", [])
    assert "matplotlib is not installed, so no plot is drawn" in caplog.text
    assert not list(tmp_path.iterdir())
