"""Leaks between splits, and certificates that tell otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nyxqa.builders.check.structure import check
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.ids import doc_id, image_id
from nyxqa.schemas.manifest import read_manifest, write_manifest
from tests.support.restamp import Row, rewrite, unused
from tests.support.running import nyxqa


def test_planted_leak(dataset: Path) -> None:
    """A train document's text in validation, under a group and cluster that know nothing of it."""

    def change(rows: list[Row]) -> None:
        text = next(row["text"] for row in rows if row["split"] == "train" and not row["images"])
        row = unused(dataset, rows, "validation")
        row.update(text=text + "\n", kind="text", n_tokens=1)
        row.update(
            {name: [] for name in ("images", "image_ids", "image_phashes", "captions", "caption_origins", "image_urls")}
        )
        row["doc_id"] = row["cluster"] = doc_id(row["text"], [])

    rewrite(dataset, "corpus", "web", change)
    result = check(dataset)
    assert {"certificate", "certificate_of_manifest"} == set(result.failed)
    assert "text_in_two_splits: 1" in result.text()


def test_a_near_duplicate_in_two_splits_ends_the_check_with_3_and_is_named(dataset: Path) -> None:
    """A train document's text, one word changed, in validation: no hash, cluster or group tells of it."""

    def change(rows: list[Row]) -> None:
        longest = max(
            (row for row in rows if row["split"] == "train" and not row["images"]), key=lambda r: r["n_tokens"]
        )
        row = unused(dataset, rows, "validation")
        row.update(text=f"{longest['text']} besides", kind="text", n_tokens=longest["n_tokens"] + 1)
        row.update(
            {name: [] for name in ("images", "image_ids", "image_phashes", "captions", "caption_origins", "image_urls")}
        )
        row["doc_id"] = row["cluster"] = doc_id(row["text"], [])

    rewrite(dataset, "corpus", "web", change)
    found = nyxqa("check", dataset, "--structure")
    assert found.returncode == 3, found.stderr
    assert re.search(r"near_text_in_two_splits: 1\b", found.stdout + found.stderr)


def test_image_leak(dataset: Path) -> None:
    def change(rows: list[Row]) -> None:
        source = next(row for row in rows if row["split"] == "train" and row["kind"] == "single")
        row = unused(dataset, rows, "validation")
        row.update(text=f"Another text.{PLACEHOLDER}", kind="single")
        row.update(
            {
                name: source[name]
                for name in ("images", "image_ids", "image_phashes", "captions", "caption_origins", "image_urls")
            }
        )
        row["doc_id"] = row["cluster"] = doc_id(row["text"], row["image_ids"])
        assert image_id(row["images"][0]["bytes"]) == row["image_ids"][0]

    rewrite(dataset, "corpus", "web", change)
    result = check(dataset)
    assert {"certificate", "certificate_of_manifest"} == set(result.failed)
    assert "image_in_two_splits" in result.text()


def test_certificate_that_tells_otherwise(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    write_manifest(dataset, replace(manifest, certificate={**manifest.certificate, "page_in_two_splits": 3}))
    assert check(dataset).failed == ("certificate_of_manifest",)
