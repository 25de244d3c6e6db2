from __future__ import annotations

import json
from pathlib import Path

from nyxqa.builders.engine.accounting import Counts
from nyxqa.builders.engine.step import Step, StepReport
from nyxqa.builders.runner.deviations import deviations
from nyxqa.builders.runner.manifest import portable_recipe, stage_entries
from nyxqa.schemas.recipe_file import read_recipe


def test_the_steps_of_a_stage_are_one_entry_and_assemble_has_one_a_split() -> None:
    reports = [
        StepReport(Step("source/read", 1, {}, (), "", "row", "page"), Counts(10, 8, 2, 0, 8), 1.0),
        StepReport(Step("source", 1, {}, (), "", "row", "page"), Counts(8, 7, 1, 0, 7), 0.5),
        StepReport(Step("refine/rules", 1, {}, (), "train", "question", "question"), Counts(5, 4, 1, 0, 4), 0.25),
        StepReport(Step("refine/repeated", 1, {}, (), "train"), None, 0.25),
        StepReport(Step("refine", 1, {}, (), "train", "question", "question"), Counts(4, 4, 0, 0, 4), 0.25),
        StepReport(Step("assemble/tables", 1), None, 3.0),
    ]
    splits = {name: Step("assemble", 1, {}, (), name, "question", "triplet") for name in ("train", "test")}
    counts = {"train": {"rows_in": 4, "parents": 4, "rows_out": 4}, "test": {"rows_in": 2, "dropped": 2}}
    found = stage_entries(reports, splits, counts)
    assert [(e.name, e.split, e.unit_in, e.unit_out) for e in found] == [
        ("source", "", "row", "page"),
        ("refine", "train", "question", "question"),
        ("assemble", "train", "question", "triplet"),
        ("assemble", "test", "question", "triplet"),
    ]
    assert [(e.rows_in, e.parents, e.dropped, e.not_sampled, e.rows_out) for e in found] == [
        (10, 7, 3, 0, 7),
        (5, 4, 1, 0, 4),
        (4, 4, 0, 0, 4),
        (2, 0, 2, 0, 0),
    ]
    assert [e.seconds for e in found] == [1.5, 0.75, 1.5, 1.5]
    assert found[0].fingerprint == reports[1].step.fingerprint
    assert found[2].fingerprint == splits["train"].fingerprint


def test_no_path_of_a_tokenizer_and_no_credential_is_published(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    given = {"chunk.tokenizer": str(tmp_path / "tokenizer.json"), "web.license": "https://me:hush@x.org/by?token=hush"}
    recipe = read_recipe("sample", given)
    plain = portable_recipe(recipe)
    assert plain["chunk"]["tokenizer"] == "tokenizer.json"
    assert plain["web"]["license"] == "https://x.org/by"
    assert "lengths are counted by tokenizer.json, not by Qwen2.5-VL's tokenizer (Nyx step 1)" in deviations(recipe)
    assert not [text for text in (json.dumps(plain), *deviations(recipe)) if str(tmp_path) in text]
