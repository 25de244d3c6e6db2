"""An update whose changed or added pages are like published pages of two splits: nothing leaks, test retires."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from nyxqa.build import run
from nyxqa.builders.check.structure import check
from nyxqa.schemas.ids import page_id_of_url
from nyxqa.schemas.manifest import read_manifest
from tests.conftest import BuildOnce
from tests.support.pages import RECIPE, page, row, sentences, write_recipe
from tests.support.published import table

PAGES = 40


@pytest.fixture(scope="module")
def before(build_once: BuildOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of text alone, built without a model, duplicates kept."""
    recipe = write_recipe(tmp_path_factory.mktemp("alike"), [page(number) for number in range(PAGES)], RECIPE)
    settings = {"dedup.enabled": False}
    return build_once("alike", lambda out: run("all", recipe=recipe, out=out, workers=1, settings=settings))


def url(number: int) -> str:
    return f"https://example.org/{number:04d}"


def of_split(out: Path, split: str) -> list[int]:
    """Numbers of the pages of a split that have a question."""
    asked = {one["page_id"] for one in table(out, "qa", split)}
    return [number for number in range(PAGES) if page_id_of_url(url(number)) in asked]


def updated(before: Path, folder: Path, pages: dict[int, dict[str, Any]], **settings: Any) -> Path:
    """Update a copy of ``before`` in which some pages are others."""
    rows = [pages.get(number) or page(number) for number in range(PAGES)]
    recipe = write_recipe(folder, rows + [pages[number] for number in sorted(pages) if number >= PAGES], RECIPE)
    shutil.copytree(before, folder / "out")
    run(recipe=recipe, out=folder / "out", workers=1, settings={"dedup.enabled": False, **settings}, update=True)
    return folder / "out"


def near_copy(number: int) -> list[str]:
    """The text of a page with a word more."""
    *first, last = sentences(number)
    return [*first, f"Indeed {last}"]


def text_page(number: int, texts: list[str]) -> dict[str, Any]:
    return row(url(number), list(texts), [None] * len(texts), title=f"Page {number}")


@pytest.mark.parametrize("removal", [False, True])
def test_of_near_duplicates_across_splits_the_test_side_retires(before: Path, tmp_path: Path, removal: bool) -> None:
    trained, tested = of_split(before, "train")[0], of_split(before, "test")[0]
    pages = {trained: text_page(trained, near_copy(tested))}
    out = updated(before, tmp_path, pages, **{"dedup.enabled": removal})
    splits = {one["page_id"]: one["split"] for one in table(out, "corpus", "web")}
    assert splits[page_id_of_url(url(trained))] == "train"
    assert page_id_of_url(url(tested)) not in splits
    lost = [one["qa_id"] for one in table(before, "qa", "test") if one["page_id"] == page_id_of_url(url(tested))]
    reason = "near_duplicate" if removal else "across_splits"
    retired = {one["item_id"]: one["reason"] for one in table(out, "ledger") if one["stage"] == "update"}
    assert lost
    assert {retired[name] for name in lost} == {reason}
    assert set(read_manifest(out).certificate.values()) == {0}
    assert check(out).failed == ()


def test_an_added_page_joins_what_it_is_like_and_divides_what_it_would_join(before: Path, tmp_path: Path) -> None:
    trained, tested = of_split(before, "train")[0], of_split(before, "test")[:2]
    pages = {
        PAGES: text_page(PAGES, near_copy(tested[0])),
        PAGES + 1: text_page(PAGES + 1, sentences(tested[1]) + sentences(trained)),
    }
    out = updated(before, tmp_path, pages, **{"chunk.max_tokens": 100})
    splits = {one["page_id"]: one["split"] for one in table(out, "corpus", "web")}
    assert splits[page_id_of_url(url(PAGES))] == "test"
    assert splits.get(page_id_of_url(url(PAGES + 1)), "train") == "train"
    assert set(read_manifest(out).certificate.values()) == {0}
    asked = {one["page_id"] for one in table(out, "qa", "test")}
    assert page_id_of_url(url(PAGES)) not in asked  # the questions of test are frozen
    assert check(out).failed == ()


def test_splits_that_grow_take_in_pages_and_questions(before: Path, tmp_path: Path) -> None:
    pages = {number: page(number) for number in range(PAGES, PAGES + 20)}
    grow = {"update.grow": ["train", "validation", "test"], "update.negatives": "better"}
    out = updated(before, tmp_path, pages, **grow)
    old = {one["page_id"]: one["split"] for one in table(before, "corpus", "web")}
    new = {one["page_id"]: one["split"] for one in table(out, "corpus", "web")}
    assert {name: new[name] for name in old} == old
    assert {new[name] for name in new.keys() - old.keys()} == {"train", "validation", "test"}
    kept, grown = ({one["qa_id"] for one in table(folder, "qa", "validation")} for folder in (before, out))
    assert kept < grown
    assert check(out).failed == ()
