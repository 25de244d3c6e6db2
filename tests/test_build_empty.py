"""Builds in which a split, or everything, has nothing left."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import nyxqa
from nyxqa.build import estimate, run
from nyxqa.builders.report.lines import shortfall_lines
from nyxqa.builders.report.report import make_report
from nyxqa.builders.report.text import render, render_unfinished
from nyxqa.builders.report.unfinished import as_json as unfinished_as_json
from nyxqa.builders.report.unfinished import open_unfinished, report_unfinished
from nyxqa.builders.report.views import run_sql
from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from tests.support.pages import many_pages, page, write_recipe
from tests.support.published import table
from tests.support.vlm_server import VlmServer


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("source"), many_pages(40))


def test_all_leaves_out_a_split_of_size_0(recipe: Path, tmp_path: Path) -> None:
    manifest = run("all", recipe=recipe, out=tmp_path, workers=1, settings={"split.validation": 0}).manifest
    assert manifest.splits("triplets") == manifest.splits("qa") == ["test", "train"]
    assert {row["split"] for row in table(tmp_path, "corpus")} == {"train", "test"}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_of_size_0_cannot_be_asked_for(recipe: Path, tmp_path: Path, split: Any) -> None:
    for build in (run, estimate):
        with pytest.raises(UsageError, match=rf"split\.{split} is 0, so there is no split {split}"):
            build(split, recipe=recipe, out=tmp_path, workers=1, settings={f"split.{split}": 0})
    assert not (tmp_path / ".work" / "steps").exists()


def test_quotas_that_take_every_group_are_named(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"split.validation": 40, "split.test": 40}
    with pytest.raises(WorldError, match=r"train stays empty: split\.validation = 40 and split\.test = 40 took every"):
        run("train", recipe=recipe, out=tmp_path, workers=1, settings=settings)
    assert "synthesize" not in capsys.readouterr().err


def test_train_of_a_tiny_source_needs_no_other_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path / "source", [page(number) for number in range(2)])
    result = run("train", recipe=recipe, out=tmp_path / "out", workers=1)
    assert result.manifest.splits("triplets") == ["train"]
    assert "no page is left for split validation and test, which is not built now\n" in capsys.readouterr().err
    lines = shortfall_lines(result.manifest)
    assert lines[0] == "split train has fewer seed documents than sample.count: 38 are missing"
    with pytest.raises(WorldError, match="split validation stays empty: 2 pages in 2 groups"):
        run("all", recipe=recipe, out=tmp_path / "other", workers=1)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"prefilter.languages": ["xx"]}, "no document is left to ask about: stage prefilter dropped most: "),
        ({"filters.corpus": ["n_tokens > 9999"]}, "no document is left to ask about: stage filter dropped most: "),
        ({"filters.qa": ["length(answer) > 999"]}, "no question of split train is left of the "),
        ({"chunk.max_tokens": 30, "sample.min_tokens": 31}, "none of "),
    ],
)
def test_a_build_that_ends_empty_names_the_stage_and_the_reason(
    recipe: Path, tmp_path: Path, settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(WorldError) as error:
        run("train", recipe=recipe, out=tmp_path, workers=1, settings=settings)
    assert str(error.value).startswith(why)
    assert "\n" not in str(error.value)
    if "filters.qa" in settings:
        assert "stage assemble dropped most: " in str(error.value)
        assert str(error.value).endswith("first detail: length(answer) > 999")


def test_what_there_is_less_of_than_asked_for_is_told_everywhere(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "sample.count": 30,
        "sample.shares": {"text": 0.2, "single": 0.7, "multi": 0.1},
        "negatives.ranks": [500, 600],
    }
    manifest = run("train", recipe=recipe, out=tmp_path, workers=1, settings=settings).manifest
    lack = manifest.summary["sample_shortfall"]["single"]
    seeds = next(entry.rows_out for entry in manifest.stages if entry.name == "sample")
    assert seeds == 30 - sum(manifest.summary["sample_shortfall"].values())
    triplets = sum(manifest.files[path].rows for path in manifest.paths("triplets", "train"))
    assert manifest.summary["without_negatives"] == {"nyxqa": [triplets, triplets]}
    said = capsys.readouterr().err
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    report = " ".join(render(make_report(tmp_path)).split())
    for line in shortfall_lines(manifest):
        assert f"{line}\n" in said
        assert f"- {line}\n" in card
        assert f"- {line}" in report
    assert f"{lack} of kind single" in said
    assert f"{triplets} of {triplets} triplets of nyxqa have no hard negative: no usable document at ranks 500" in said
    assert "hard-negatives" not in card
    assert "no triplet has a negative" in card


def test_a_command_without_a_source_leaves_the_unfinished_build_of_another(recipe: Path, tmp_path: Path) -> None:
    source = f"jsonl:{recipe.parent / 'pages.jsonl'}"
    ends_empty = {"sample.min_tokens": 9999}
    with pytest.raises(WorldError):
        run("train", source=source, out=tmp_path, workers=1, settings=ends_empty)
    for build in (run, estimate):
        with pytest.raises(UsageError) as error:
            build("train", out=tmp_path, workers=1)
        assert f"is unfinished and reads source {source}; to continue it give the same --source" in str(error.value)
        assert error.value.exit_code == 2
    for again in ({"source": source}, {"settings": {"web.source": source}}):
        options: Any = {"settings": ends_empty, **again}
        options["settings"] = {**ends_empty, **options["settings"]}
        with pytest.raises(WorldError, match=r"sample\.min_tokens = 9999 tokens"):
            run("train", out=tmp_path, workers=1, **options)
    for read in (make_report, partial(nyxqa.load, "triplets")):
        with pytest.raises(FormatError) as unfinished:
            read(tmp_path)
        assert "repeat the command that started it to continue" in str(unfinished.value)
        assert "python -m nyxqa.build" not in str(unfinished.value)


def test_the_default_source_goes_on_with_its_own_unfinished_build(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        run("train", out=tmp_path, limit=9, workers=1, settings={"sample.min_tokens": 9999})
    assert run("train", out=tmp_path, limit=9, workers=1, settings={"text": []}).changed


def test_a_build_that_ended_empty_is_reported_with_the_stage_that_took_the_last(recipe: Path, tmp_path: Path) -> None:
    server = VlmServer(reply=lambda payload: json.dumps({"pairs": [{"question": "What is it?", "answer": "a tower"}]}))
    with server, pytest.raises(WorldError) as error:
        run("train", recipe=recipe, out=tmp_path, workers=1, vlm=f"openai:m@{server.url}")
    build = open_unfinished(tmp_path)
    assert build is not None
    report = report_unfinished(build)
    assert report.ended == str(error.value)
    assert report.emptied == ["verify train"]
    stages = {entry.name: entry for entry in report.stages}
    assert stages["verify"].rows_in == stages["verify"].dropped == stages["refine"].rows_out > 0
    assert stages["choices"].rows_in == 0
    text = render_unfinished(report)
    assert "-> 0 questions (verify)" in " ".join(text.split())
    assert "stage verify train took the last" in text
    assert "question: What is it?" in text
    assert json.loads(unfinished_as_json(report))["emptied"] == ["verify train"]
    funnel = run_sql(tmp_path, "SELECT rows_in, rows_out FROM funnel WHERE stage = 'verify'").to_pylist()
    assert funnel == [{"rows_in": stages["verify"].rows_in, "rows_out": 0}]
    dropped = run_sql(tmp_path, "SELECT count(*) AS n FROM ledger WHERE stage = 'verify'").to_pylist()
    assert dropped == [{"n": stages["verify"].dropped}]
    with pytest.raises(UsageError, match="qa"):
        run_sql(tmp_path, "FROM qa")


def test_a_folder_without_any_step_has_no_report(tmp_path: Path) -> None:
    folder = tmp_path / "folder"  # nothing lies beside it that the error could suggest
    folder.mkdir()
    assert open_unfinished(folder) is None
    with pytest.raises(FormatError, match="holds no"):
        run_sql(folder, "FROM ledger")


def test_a_finished_build_has_its_funnel_too(recipe: Path, tmp_path: Path) -> None:
    stages = run("train", recipe=recipe, out=tmp_path, workers=1).manifest.stages
    rows = run_sql(tmp_path, "SELECT stage, rows_out FROM funnel").to_pylist()
    assert rows == [{"stage": entry.name, "rows_out": entry.rows_out} for entry in stages]
