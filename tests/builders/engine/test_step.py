from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.part_files import StepRecord, ledger_file, part_file, write_record
from nyxqa.builders.engine.run import PlannedRun
from nyxqa.builders.engine.step import Step, StepOutput, plain
from nyxqa.builders.pipeline import build
from nyxqa.builders.sources.factory import open_source
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.recipe import Chunk
from nyxqa.schemas.recipe_file import read_recipe

STEP = Step("chunk/cut", 1, {"chunk": Chunk()}, ("aa",), "train")


@pytest.mark.parametrize(
    "other",
    [
        Step("chunk/other", 1, {"chunk": Chunk()}, ("aa",), "train"),
        Step("chunk/cut", 2, {"chunk": Chunk()}, ("aa",), "train"),
        Step("chunk/cut", 1, {"chunk": Chunk(max_tokens=100)}, ("aa",), "train"),
        Step("chunk/cut", 1, {"chunk": Chunk()}, ("ab",), "train"),
        Step("chunk/cut", 1, {"chunk": Chunk()}, ("aa", "aa"), "train"),
        Step("chunk/cut", 1, {"chunk": Chunk()}, ("aa",), "test"),
    ],
)
def test_name_version_params_inputs_and_split_decide_the_fingerprint(other: Step) -> None:
    assert len(STEP.fingerprint) == 64
    assert other.fingerprint != STEP.fingerprint


def test_units_and_order_of_params_do_not_decide_the_fingerprint() -> None:
    assert Step("chunk/cut", 1, {"chunk": Chunk()}, ("aa",), "train", "page", "document").fingerprint == (
        STEP.fingerprint
    )
    assert Step("s", 1, {"a": 1, "b": 2}).fingerprint == Step("s", 1, {"b": 2, "a": 1}).fingerprint


def test_stage_and_label() -> None:
    assert (STEP.stage, STEP.label) == ("chunk", "chunk/cut train")
    assert Step("source", 1).label == "source"


def test_plain_gives_json_types() -> None:
    assert plain({"a": (1, Chunk()), 2: None}) == {"a": [1, Chunk().model_dump()], "2": None}


def test_parts_are_read_in_order(tmp_path: Path) -> None:
    for index in (1, 0, 2):
        pq.write_table(pa.table({"n": [index], "m": ["x"]}), tmp_path / f"part-{index:06d}.parquet")
    (tmp_path / ".part-000002.parquet.0123456789ab.part").write_bytes(b"half")
    (tmp_path / "ledger-000001.parquet").write_bytes(b"")
    write_record(tmp_path, StepRecord(3, (1,)))
    parts = StepOutput("f", tmp_path)
    assert list(parts.rows(["n"])) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len(parts) == 3
    assert [file.name for file in parts.ledgers()] == ["ledger-000001.parquet"]


def test_a_missing_file_is_an_error_and_not_fewer_rows(tmp_path: Path) -> None:
    for index in range(3):
        pq.write_table(pa.table({"n": [index]}), part_file(tmp_path, index))
    ledger_file(tmp_path, 1).write_bytes(b"")
    parts = StepOutput("f", tmp_path)
    with pytest.raises(LawError, match="does not say how many files it has; run again"):
        parts.files()
    write_record(tmp_path, StepRecord(3, (1,)))
    part_file(tmp_path, 2).unlink()
    for read in (parts.files, lambda: list(parts.rows()), lambda: len(parts)):
        with pytest.raises(LawError, match=r"part-000002\.parquet is missing \(1 of 3 .*; remove .* and run again"):
            read()
    ledger_file(tmp_path, 1).unlink()
    with pytest.raises(LawError, match=r"ledger-000001\.parquet is missing"):
        parts.ledgers()


def steps(**settings: Any) -> dict[str, str]:
    """Fingerprints of a build of the sample by step."""
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    recipe = read_recipe("sample", dotted)
    planned = PlannedRun(Path("work"))
    assert recipe.web is not None
    build(planned, recipe, open_source(recipe.web), ["train", "validation", "test"], Path("answers"))
    return {step.label: step.fingerprint for step in planned.steps}


def changed(**settings: Any) -> set[str]:
    before, after = steps(), steps(**settings)
    assert before.keys() == after.keys()
    return {label for label in before if before[label] != after[label]}


@pytest.mark.parametrize(
    "settings",
    [
        {"vlm__concurrency": 3},
        {"vlm__max_requests": 7},
        {"vlm__max_tokens": 9},
        {"images__timeout": 1.5},
        {"images__concurrency": 2},
        {"images__per_host": 1},
        {"feedback__top_k": 5},
    ],
    ids=str,
)
def test_what_only_changes_speed_or_other_tables_redoes_no_step(settings: dict[str, Any]) -> None:
    assert changed(**settings) == set()


def test_another_mixture_is_another_assembling_and_nothing_else() -> None:
    assert changed(mixture={"weights": {"nyxqa": 2.0}}) == {"assemble/tables"}


@pytest.mark.parametrize(
    ("settings", "first", "untouched"),
    [
        ({"web__limit": 9}, "source/read", set()),
        ({"images__max_pixels": 100}, "images/store", {"source", "prefilter"}),
        ({"chunk__max_tokens": 99}, "chunk", {"source", "prefilter", "images/store", "images"}),
        ({"dedup__threshold": 0.5}, "dedup/verdicts", {"images", "chunk"}),
        ({"filters__corpus": ["n_tokens > 3"]}, "filter", {"chunk", "dedup"}),
        ({"split__test": 0.2}, "split/place", {"dedup", "filter"}),
        ({"sample__min_tokens": 5}, "split/place", {"filter"}),
        ({"synthesize__max_questions": 1}, "synthesize train", {"split", "sample train", "negatives/index train"}),
        ({"refine__max_answer_words": 3}, "refine/rules train", {"split", "synthesize train"}),
        ({"vlm__answer_tokens": 9}, "synthesize train", {"split", "sample train"}),
        ({"negatives__count": 2}, "negatives train", {"choices train", "negatives/index train"}),
        ({"seed": 7}, "split/place", {"source", "images", "chunk", "dedup", "filter"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_data_parameter_redoes_its_stage_and_what_follows(
    settings: dict[str, Any], first: str, untouched: set[str]
) -> None:
    found = changed(**settings)
    assert first in found
    assert {"negatives train", "assemble/tables"} <= found
    assert not found & untouched


def test_a_longer_sample_of_train_leaves_the_other_splits() -> None:
    found = changed(sample__count=30)
    assert "sample train" in found
    assert not {label for label in found if label.endswith(("validation", "test"))}
