"""``nyxqa improve``: four systems on held-out pages, and a verdict that follows from intervals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nyxqa.retriever.training.improve import METRICS, PAIRS, SYSTEMS, _fused, verdict
from tests.support.published import table
from tests.support.running import leave
from tests.support.tiny_dataset import tiny_dataset


def test_a_dataset_is_improved_on_or_not(
    built_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "improved"
    assert leave("improve", built_sample, "--base", "tiny", "--out", out, "--epochs", 2) == 0
    told = capsys.readouterr().out
    found = json.loads((out / "improvement.json").read_bytes())
    assert (found["split"], found["questions"]) == ("test", len(table(built_sample, "triplets", "test")))
    whole = {one["system"]: one for one in found["systems"] if one["by"] == "all"}
    assert tuple(whole) == SYSTEMS
    for name, one in whole.items():
        assert f"{name}: recall@1 {one['recall@1']['mean']:.3f}" in told
        assert one["mrr"]["low"] <= one["mrr"]["mean"] <= one["mrr"]["high"]
    gains = {
        (one["system"], one["over"]): one for one in found["gains"] if (one["by"], one["metric"]) == ("all", "mrr")
    }
    assert tuple(gains) == PAIRS
    gain = gains["tuned", "base"]
    assert gain["mean"] == pytest.approx(whole["tuned"]["mrr"]["mean"] - whole["base"]["mrr"]["mean"])
    for one in gains.values():
        assert one["verdict"] in told
        assert ("no gain shown" in one["verdict"]) == (one["low"] <= 0 <= one["high"])
    kinds = {one["name"] for one in found["systems"] if one["by"] == "kind"}
    assert kinds == {"text", "multi"}
    assert len(found["gains"]) == len(PAIRS) * len(METRICS) * (
        1 + len({(g["by"], g["name"]) for g in found["gains"]} - {("all", "all")})
    )
    page = (out / "improvement.html").read_text()
    assert gain["verdict"].replace("<", "&lt;") in page
    assert not re.search(r"""(src|href)\s*=|@import|url\(|<script""", page)  # nothing is fetched
    assert page.count("<circle") == 1 + len({(g["by"], g["name"]) for g in found["gains"]} - {("all", "all")})


def test_verdicts_follow_from_the_interval() -> None:
    gain = {"system": "tuned", "over": "base", "metric": "mrr", "mean": 0.02}
    assert (
        verdict({**gain, "low": -0.01, "high": 0.05}) == "tuned over base: no gain shown, mrr +0.020 (-0.010 to +0.050)"
    )
    assert "no gain shown" in verdict({**gain, "low": 0.0, "high": 0.05})
    assert verdict({**gain, "low": 0.01, "high": 0.05}).startswith("tuned over base: gain, ")
    assert verdict({**gain, "mean": -0.1, "low": -0.2, "high": -0.05}).startswith("tuned over base: loss, ")


def test_fused_lists_rank_by_both() -> None:
    one, other = np.array([[4, 1, 2, -1]]), np.array([[1, 3, -1, -1]])
    assert _fused(one, other).tolist() == [[1, 4, 3, 2]]


def test_without_held_out_questions_nothing_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = tiny_dataset()
    for split in ("validation", "test"):
        for name in ("triplets", "qa"):
            tiny.tables[name].pop(split, None)
    tiny.write(tmp_path / "data")
    assert leave("improve", tmp_path / "data", "--base", "tiny", "--out", tmp_path / "out") == 1
    assert "has neither test nor validation questions" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert leave("improve", tmp_path / "data", "--base", "bm25", "--out", tmp_path / "out") in (1, 2)
