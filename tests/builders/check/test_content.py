"""Damage inside single rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nyxqa.builders.check.structure import check
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import doc_id
from nyxqa.schemas.manifest import read_manifest, write_manifest
from tests.support.restamp import Row, rewrite, unused


def test_null(dataset: Path) -> None:
    rewrite(dataset, "qa", "test", lambda rows: rows[0].update(answer_long=None))
    result = check(dataset)
    assert result.failed == ("nulls",)
    assert "qa: null in answer_long" in result.text()


def test_null_inside_a_list(dataset: Path) -> None:
    rewrite(dataset, "qa", "test", lambda rows: rows[0]["answers"].append(None))
    result = check(dataset)
    assert "qa: null in answers[]" in result.text()
    assert set(result.failed) == {"nulls", "qa_triplets"}


def test_placeholder_without_image(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = unused(dataset, rows, "train")
        row["text"] += PLACEHOLDER
        row["doc_id"] = row["cluster"] = doc_id(row["text"], row["image_ids"])

    rewrite(dataset, "corpus", "web", change)
    assert check(dataset).failed == ("content",)


def test_placeholder_in_preview(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        rows[3]["positive"] += PLACEHOLDER

    rewrite(dataset, "preview", "train", change)
    assert set(check(dataset).failed) == {"content", "preview_rows"}


def test_lists_out_of_step(dataset: Path) -> None:
    rewrite(dataset, "corpus", "web", lambda rows: rows[0]["captions"].append("one more"))
    rewrite(dataset, "triplets", "test", lambda rows: rows[0].update(negative_scores=rows[0]["negative_scores"][1:]))
    result = check(dataset)
    assert set(result.failed) == {"aligned_lists", "ranks"}
    assert [finding.count for finding in result.findings if finding.name == "aligned_lists"] == [2]


def test_changed_text(dataset: Path) -> None:
    rewrite(dataset, "corpus", "web", lambda rows: unused(dataset, rows, "train").update(text="Another text."))
    assert "doc_ids" in check(dataset).failed


def test_kind(dataset: Path) -> None:
    rewrite(dataset, "corpus", "web", lambda rows: unused(dataset, rows, "train").update(kind="audio"))
    assert check(dataset).failed == ("kinds",)


def test_wrong_image_under_an_id(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        pictured = [row for row in rows if row["images"]]
        one = pictured[0]
        other = next(row for row in pictured if row["image_ids"][0] != one["image_ids"][0])
        one["images"][0] = other["images"][0]

    rewrite(dataset, "qa", "train", change)
    assert check(dataset).failed == ("image_ids",)


def test_image_that_does_not_decode(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = next(row for row in rows if row["images"])
        data = row["images"][0]["bytes"]
        row["images"][0]["bytes"] = data[: len(data) // 2]

    rewrite(dataset, "corpus", "web", change)
    assert {"image_ids", "images_decode"} <= set(check(dataset).failed)


def test_wrong_perceptual_hash(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = next(row for row in rows if row["images"])
        row["image_phashes"][0] ^= 1

    rewrite(dataset, "corpus", "web", change)
    assert check(dataset).failed == ("image_phashes",)


def test_perceptual_hashes_of_other_libraries_are_not_judged(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    write_manifest(dataset, replace(manifest, versions={**manifest.versions, "pillow": "1.0"}))
    result = check(dataset)
    assert result.not_run == ("image_phashes",)
    assert "made with another version of pillow" in result.text()


def test_preview_that_differs_from_its_document(dataset: Path) -> None:
    rewrite(dataset, "preview", "train", lambda rows: rows[0].update(positive="Another text.", positive_images=[]))
    assert check(dataset).failed == ("preview_rows",)


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.update(choices=row["choices"][:3]),
        lambda row: row.update(choices=[row["answer"]] * 4),
        lambda row: row.update(label=4),
        lambda row: row.update(label=(row["label"] + 1) % 4),
    ],
    ids=["missing", "alike", "label out of range", "label of another"],
)
def test_options(dataset: Path, change: Callable[[Row], None]) -> None:
    rewrite(dataset, "qa", "test", lambda rows: change(rows[0]))
    assert check(dataset).failed == ("choices",)


def test_key_always_first(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        for row in rows:
            row["choices"] = sorted(row["choices"], key=lambda option: option != row["answer"])
            row["label"] = 0

    rewrite(dataset, "qa", "train", change)
    result = check(dataset)
    assert result.failed == ("label_balance", "probe_position")
    assert re.search(r"qa train: labels \[\d+, 0, 0, 0\], chi-square [1-9]\d\d", result.text())
