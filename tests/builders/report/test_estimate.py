from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from nyxqa.build import estimate, run
from nyxqa.builders.report.estimate import Cost
from nyxqa.cli import main
from nyxqa.schemas.manifest import read_manifest
from tests.support.evidence_builds import ALL_TRAIN, IMAGES
from tests.support.evidence_model import EvidenceModel
from tests.support.vlm_server import VlmServer

NOBODY = "openai:model@http://127.0.0.1:9/v1"


def test_nothing_is_asked_by_the_embedded_model(evidence_recipe: Path, tmp_path: Path) -> None:
    estimated = estimate("all", recipe=evidence_recipe, out=tmp_path, workers=1, vlm="extractive")
    assert estimated.total == Cost()
    assert {split for split, _ in estimated.costs} == {"train", "validation", "test"}
    assert "extractive" in estimated.text()


def test_no_stage_sends_more_than_was_estimated_and_nothing_is_done_twice(
    evidence_recipe: Path, tmp_path: Path
) -> None:
    """Each document gets as many questions as it may; only one answer in two has to be shortened."""
    out, model = tmp_path / "out", EvidenceModel(IMAGES)
    estimated = estimate("train", recipe=evidence_recipe, out=out, workers=1, vlm=NOBODY, settings=ALL_TRAIN)
    assert [path.name for path in out.iterdir()] == [".work"]
    assert not (out / ".work" / "answers").exists()
    with VlmServer(reply=model) as server:
        spec = f"openai:model@{server.url}"
        settings = {**ALL_TRAIN, "verify.keep": []}
        run("train", recipe=evidence_recipe, out=out, workers=1, vlm=spec, settings=settings)
        sent, pictures = Counter[str](), Counter[str]()
        stages = {"questions": "synthesize", "questions_multi": "synthesize", "shorten": "refine"}
        stages |= {"answer": "verify", "answer_closed": "verify", "distractors": "choices"}
        for name, text in model.seen:
            sent[stages[name]] += 1
            pictures[stages[name]] += text.count("[shows ")
    costs = {stage: cost for (_, stage), cost in estimated.costs.items()}
    several = sum(count > 1 for count in IMAGES.values())
    assert costs["synthesize"].requests == sent["synthesize"] == len(IMAGES) + several
    assert costs["synthesize"].images == pictures["synthesize"] == sum(n * (2 if n > 1 else 1) for n in IMAGES.values())
    for stage, cost in costs.items():
        assert sent[stage] <= cost.requests
        assert pictures[stage] <= cost.images
    views = sum((4 if images else 2) * (4 if images > 1 else 2) for images in IMAGES.values())
    assert costs["verify"].requests == views
    assert costs["choices"].requests == 2 * (len(IMAGES) + several)
    assert costs["choices"].completion_tokens == 256 * costs["choices"].requests


def test_judging_sends_no_more_than_was_estimated(evidence_recipe: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "out", EvidenceModel(IMAGES)
    settings = {**ALL_TRAIN, "verify.enabled": False, "judge.enabled": "auto", "judge.most": 2}
    estimated = estimate("train", recipe=evidence_recipe, out=out, workers=1, vlm=NOBODY, settings=settings)
    cost = estimated.costs["train", "judge"]
    with VlmServer(reply=model) as server:
        run("train", recipe=evidence_recipe, out=out, workers=1, vlm=f"openai:model@{server.url}", settings=settings)
    asked = [text for name, text in model.seen if name == "answer"]
    judged = read_manifest(out).summary["judge"]["nyxqa train"]
    assert 0 < len(asked) == judged["judged"] <= 2 * judged["questions"] <= cost.requests
    assert sum(text.count("[shows ") for text in asked) <= 2 * cost.images


def test_tokens_follow_text_and_pixels(evidence_recipe: Path, tmp_path: Path) -> None:
    """Pictures of 48 x 48 pixels are 3 squares of 28 x 28 each, of 28 x 28 pixels one; a longer text costs more."""

    def prompt_tokens(**settings: object) -> int:
        estimated = estimate(
            "train", recipe=evidence_recipe, out=tmp_path, workers=1, vlm=NOBODY, settings={**ALL_TRAIN, **settings}
        )
        return estimated.costs["train", "synthesize"].prompt_tokens

    whole = prompt_tokens()
    shown = sum(count * (2 if count > 1 else 1) for count in IMAGES.values())
    assert whole - prompt_tokens(**{"vlm.max_pixels": 784}) == 2 * shown
    assert 700 * len(IMAGES) < whole < 1200 * len(IMAGES)


def test_the_command_line_prints_it_and_publishes_nothing(
    evidence_recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build", "--split", "test", "--recipe", str(evidence_recipe), "--out", str(tmp_path), "--workers", "1"]
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--estimate", *more])
        assert left.value.code == 0
    text, *lines = capsys.readouterr().out.partition('{"step"')
    assert text.startswith("model openai:model\nstage ")
    assert "4 characters a token" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 100
    estimated = json.loads("".join(lines).splitlines()[-1])["estimate"]
    assert [row["stage"] for row in estimated["stages"]] == ["synthesize", "refine", "verify", "choices", "judge"]
    assert {row["split"] for row in estimated["stages"]} == {"test"}
    assert estimated["total"]["requests"] == sum(row["requests"] for row in estimated["stages"]) > 0
    assert not (tmp_path / "manifest.json").exists()
