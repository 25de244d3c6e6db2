"""What decides the figures of an evaluation carries a version that is raised with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nyxqa
from nyxqa.builders.evaluate import answers, rankings
from tests.support.asked import asked_in_test
from tests.support.facts import Facts
from tests.support.vlm_server import VlmServer


def test_golden_output(tmp_path: Path) -> None:
    """If this fails on purpose, raise the version of the step that changed and put the new digest here."""
    facts = asked_in_test(Facts(24, 20), tmp_path)
    with VlmServer(reply=facts.reply) as server:
        result = nyxqa.evaluate(tmp_path, "bm25", vlm=f"openai:m@{server.url}", top_k=[0, 1, 4])
    means = [{name: part for name, part in one.items() if name != "datasets"} for one in result["systems"]]
    digest = hashlib.sha256(json.dumps([means, result["golden_correct"]], sort_keys=True).encode()).hexdigest()[:16]
    assert (rankings.VERSION, answers.VERSION, digest) == (1, 1, "252acc480a0d4a7c")
