"""Builds with the scripted model of ``evidence_model`` over pages that it knows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from nyxqa.build import run
from nyxqa.builders.runner.request import BuildResult
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe_types import SplitName
from tests.support.evidence_model import facts_of
from tests.support.published import table
from tests.support.vlm_server import VlmServer

RECIPE = """
[web]
source = "jsonl:pages.jsonl"
[split]
validation = 0.15
test = 0.1
[sample]
min_tokens = 30
[synthesize]
max_questions = 2
[negatives]
ranks = [2, 10]
[judge]
enabled = false
[vlm]
model = "openai:model@http://127.0.0.1:9/v1"
concurrency = 4
"""
IMAGES = {number: 2 if number % 6 == 0 else 1 if number % 3 == 0 else 0 for number in range(40)}
FACTS = [fact for number, count in IMAGES.items() for fact in facts_of(number, count)]
ALL_TRAIN = {"split.validation": 0.0, "split.test": 0.0}


def build_with_model(
    recipe: Path, out: Path, server: VlmServer, split: SplitName = "all", retry: bool = False, **settings: Any
) -> BuildResult:
    """Build in this process with one worker."""
    model = {"vlm.model": f"openai:model@{server.url}"}
    return run(split, recipe=recipe, out=out, workers=1, settings={**model, **settings}, retry_failed=retry)


def adds_up(out: Path) -> None:
    """The ledger holds each drop of each stage, and nothing got lost on the way."""
    dropped = Counter((row["stage"], row["split"]) for row in table(out, "ledger") if row["item_type"] != "image")
    for entry in read_manifest(out).stages:
        assert entry.rows_in == entry.parents + entry.dropped + entry.not_sampled
        if entry.name in ("synthesize", "refine", "verify", "choices", "negatives"):
            assert dropped[entry.name, entry.split] == entry.dropped
