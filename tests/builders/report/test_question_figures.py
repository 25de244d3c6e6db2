"""How hard questions are, how many copy their document, and which need a picture: against what a made dataset holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.engine.database import database
from nyxqa.builders.publish.card import render_card
from nyxqa.builders.report.question_figures import _Asked, _copies, _held, _view, figure_lines, question_figures
from nyxqa.schemas.manifest import read_manifest
from nyxqa.schemas.recipe import Recipe
from tests.support.published import table


def by_split(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["split"], row.get("system", "")): row for row in rows}


def test_figures_of_the_miner_are_those_of_the_ranks(built_sample: Path) -> None:
    manifest = read_manifest(built_sample)
    found = by_split(manifest.summary["difficulty"])
    assert {system for _, system in found} == {"bm25"}
    for split in ("train", "validation", "test"):
        ranks = [row["positives"][0]["rank"] for row in table(built_sample, "triplets", split)]
        row = found[split, "bm25"]
        assert row["questions"] == len(ranks)
        assert row["first"] == ranks.count(1)
        assert row["found"] == sum(rank is not None and rank <= 20 for rank in ranks)
        assert abs(row["mrr"] - sum(1 / rank for rank in ranks if rank is not None and rank <= 20) / len(ranks)) < 1e-9
    card = render_card(manifest)
    assert all(f"- {line}" in card for line in figure_lines(manifest.summary))
    assert "nyxqa train: bm25 finds the document of" in card
    assert "have over 80 % of their words from their document" in card


def test_bm25_is_searched_where_another_encoder_mined(built_sample: Path) -> None:
    """Other encoders that the recipe names are measured besides, over the documents of the split alone."""
    files = list(read_manifest(built_sample).files)
    recipe = Recipe.model_validate({"filters": {"difficulty": "label", "difficulty_encoder": "tiny"}})
    rows = by_split(question_figures(built_sample, files, recipe)["difficulty"])
    assert {system.partition(":")[0] for _, system in rows} == {"bm25", "tiny"}
    with database(built_sample.parent) as db:
        for name in ("corpus", "qa", "triplets"):
            _view(db, name, built_sample, [one for one in files if one.startswith(f"data/{name}/")])
        searched = by_split(_Asked(db, built_sample.parent, pictures=False).found_by("bm25"))
    for split in ("train", "validation", "test"):  # as the miner, which was bm25 too, found them
        computed, mined = searched[split, "bm25"], rows[split, "bm25"]
        assert computed | {"mrr": 0} == mined | {"mrr": 0}
        assert computed["mrr"] == pytest.approx(mined["mrr"])
    tiny = next(row for (split, system), row in rows.items() if split == "test" and system != "bm25")
    assert 0 <= tiny["first"] <= tiny["found"] <= tiny["questions"] == rows["test", "bm25"]["questions"]


def test_a_question_copies_its_document_if_over_four_fifths_of_its_words_stand_there() -> None:
    text = "The tower of Varn is 38 metres high. <|image|>"
    for query, captions, copied in (
        ("high tower of Varn?", [], True),
        ("tower of Varn high today?", [], False),  # four of five
        ("tower of Varn with red bands?", ["with red bands"], True),
        ("How tall is Varn?", [], False),
        ("", [], False),
    ):
        assert _copies({"query": query, "text": text, "captions": captions}) is copied, query


def test_a_picture_is_needed_only_if_the_model_is_wrong_without_image_and_caption(
    evidence_build: tuple[Path, Any],
) -> None:
    out, _ = evidence_build
    summary = read_manifest(out).summary["pictures"]
    rows = [row for row in table(out, "qa") if row["evidence"]["no_images"] is not None]
    right = [
        row for row in rows if row["evidence"]["document"]["correct"] and not row["evidence"]["no_images"]["correct"]
    ]
    assert sum(row["questions"] for row in summary) == len(rows) > 0
    # No caption of these pages tells the year that a question asks for.
    assert sum(row["needed"] for row in summary) == len(right) > 0


def test_a_caption_that_holds_the_answer_does_in_place_of_the_picture() -> None:
    assert _held(["38 metres"], ["A tower of 38 metres."])
    assert not _held(["38 metres", "8"], ["A tower of 138 metres."])
    assert not _held([""], [""])


def test_a_set_that_words_alone_solve_is_called_so() -> None:
    row = {
        "dataset": "nyxqa",
        "split": "test",
        "system": "bm25",
        "questions": 100,
        "first": 97,
        "found": 100,
        "mrr": 0.98,
    }
    (line,) = figure_lines({"difficulty": [row]})
    assert line.endswith("words alone find nearly all, so it hardly ranks retrievers")
    (line,) = figure_lines({"difficulty": [{**row, "first": 90}]})
    assert "hardly" not in line
