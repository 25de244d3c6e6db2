from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nyxqa.builders.rows import DOCUMENTS
from nyxqa.builders.stages.dedup import dedup_shard, write_verdicts
from nyxqa.schemas.recipe import Dedup
from tests.support.rows import CHUNKS, document, parts_of


def deduplicated(
    tmp_path: Path, *shards: list[dict[str, Any]], settings: Dedup | None = None
) -> tuple[list[dict[str, Any]], dict[str, tuple[str, str]]]:
    chunks = parts_of(tmp_path / "in", CHUNKS, *shards)
    verdicts = tmp_path / "verdicts"
    verdicts.mkdir()
    write_verdicts(chunks, settings or Dedup(), verdicts)
    files = sorted(verdicts.iterdir())
    assert [file.name for file in files] == [file.name for file in chunks.files()]
    rows, drops = [], {}
    for task in zip(chunks.files(), files, strict=True):
        output = dedup_shard(task)
        output.account.check("dedup")
        assert output.rows.schema.equals(DOCUMENTS)
        rows += output.rows.to_pylist()
        drops |= {drop.item_id: (drop.reason, drop.detail) for drop in output.account.dropped}
    return rows, drops


@pytest.mark.parametrize("enabled", [True, False])
def test_equal_content_is_one_document_whatever_dedup_says(enabled: bool, tmp_path: Path) -> None:
    shards = [
        [document("p", 0, "same", ["i" * 64]), document("p", 1, "other")],
        [document("q", 3, "same", ["i" * 64]), document("a", 0, "same", ["i" * 64])],
    ]
    rows, drops = deduplicated(tmp_path, *shards, settings=Dedup(enabled=enabled))
    assert [(row["page_id"], row["chunk"]) for row in rows] == [("p", 0), ("p", 1)]
    assert rows[0]["also_at"] == [
        {"page_id": "q", "chunk": 3, "url": "https://example.org/q"},
        {"page_id": "a", "chunk": 0, "url": "https://example.org/a"},
    ]
    assert rows[1]["also_at"] == []
    detail = f"document {rows[0]['doc_id']} stays at p:0"
    assert drops == {"q:3": ("same_content", detail), "a:0": ("same_content", detail)}


def test_documents_that_share_a_text_or_an_image_are_one_cluster(tmp_path: Path) -> None:
    first, second, third, fourth, fifth = (
        document("p", 0, "one", ["a" * 64]),
        document("q", 0, "two", ["a" * 64, "b" * 64]),
        document("r", 0, "three", ["b" * 64]),
        document("s", 0, "three"),
        document("t", 0, "alone"),
    )
    rows, drops = deduplicated(tmp_path, [first, second, third], [fourth, fifth])
    assert drops == {}
    smallest = min(row["doc_id"] for row in (first, second, third, fourth))
    assert {row["page_id"]: row["cluster"] for row in rows} == {
        **dict.fromkeys("pqrs", smallest),
        "t": fifth["doc_id"],
    }


def test_documents_without_text_are_alike_by_their_images_only(tmp_path: Path) -> None:
    rows, _ = deduplicated(tmp_path, [document("p", 0, "", ["a" * 64]), document("q", 0, "", ["b" * 64])])
    assert [row["cluster"] for row in rows] == [row["doc_id"] for row in rows]


def test_a_text_on_more_than_five_pages_stays_once_and_joins_nobody(tmp_path: Path) -> None:
    footer = [document(f"p{index}", 1, "All rights reserved.") for index in range(6)]
    footer[4] = document("p4", 1, "All rights reserved.", ["z" * 64])
    body = [document(f"p{index}", 0, f"text {index}") for index in range(6)]
    rows, drops = deduplicated(tmp_path, body + footer)
    assert [row["place"] for row in footer if row["place"] not in drops] == ["p4:1"]
    assert set(drops.values()) == {("common_text", "stays at p4:1")}
    assert len(rows) == 7
    assert len({row["cluster"] for row in rows}) == 7
    assert all(row["also_at"] == [] for row in rows)


def test_a_text_on_five_pages_is_not_common(tmp_path: Path) -> None:
    _, drops = deduplicated(tmp_path, [document(f"p{index}", 1, "All rights reserved.") for index in range(5)])
    assert {reason for reason, _ in drops.values()} == {"same_content"}
    assert len(drops) == 4


def test_what_is_common_is_a_share_of_the_pages(tmp_path: Path) -> None:
    chunks = [document(f"p{index}", 1, "All rights reserved.") for index in range(8)]
    _, drops = deduplicated(tmp_path / "half", chunks, settings=Dedup(common=1.0))
    assert {reason for reason, _ in drops.values()} == {"same_content"}


def test_shards_without_rows_are_kept_in_step(tmp_path: Path) -> None:
    rows, drops = deduplicated(tmp_path, [], [document("p", 0, "one")], [])
    assert len(rows) == 1
    assert drops == {}
