"""The export for VLM2Vec gives back every query, positive, negative and image by its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

import nyxqa
from nyxqa.schemas.errors import UsageError
from tests.builders.export.conftest import left_out, plain, sides
from tests.support.tiny_dataset import SPLITS, Row, TinyDataset

_MMEB = ("qry", "qry_image_path", "pos_text", "pos_image_path", "neg_text", "neg_image_path")


def _vlm2vec_rows(out: Path, split: str) -> list[tuple[str, list[tuple[str, list[bytes]]]]]:
    """Id, and text and images of query, positive and negative of each row of the export."""

    def read(row: Row, text: str, name: str) -> tuple[str, list[bytes]]:
        paths = [path for path in (row[f"{name}_image_path"], *row[f"{name}_further_images"]) if path]
        place = "<|image_1|>\n"
        assert row[text].startswith(place) == bool(paths)
        return row[text].removeprefix(place), [(out / path).read_bytes() for path in paths]

    rows = load_dataset(str(out), split=split)
    assert set(_MMEB) < set(rows.column_names)
    assert all(isinstance(row[column], str) for row in rows for column in _MMEB)
    found = []
    for row in rows:
        negative = [read(row, "neg_text", "neg")] if row["negative_id"] else []
        assert negative or (row["neg_text"], row["neg_image_path"]) == ("", "")
        found.append((row["query_id"], [read(row, "qry", "qry"), read(row, "pos_text", "pos"), *negative]))
    return found


def _rounds(tiny: TinyDataset, split: str) -> list[list[tuple[str, list[tuple[str, list[bytes]]]]]]:
    """Rows of the first negatives of all queries, of the second ones, ..."""
    rounds: list[list[Any]] = [[] for _ in range(5)]
    for triplet in tiny.rows("triplets", split):
        query, positive, *negatives = [(plain(text), images) for text, images in sides(tiny, triplet)]
        for place, one in enumerate([[n] for n in negatives] or [[]]):
            rounds[place].append((triplet["query_id"], [query, positive, *one]))
    return rounds


def test_vlm2vec_has_one_row_a_query(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "vlm2vec"
    nyxqa.export(root, "vlm2vec", out)
    for split in SPLITS:
        assert _vlm2vec_rows(out, split) == _rounds(tiny, split)[0]
    more = {
        row["query_id"]: len(row["negative_ids"]) - 1
        for split in SPLITS
        for row in tiny.rows("triplets", split)
        if len(row["negative_ids"]) > 1
    }
    noted = {row["item_id"]: row["detail"] for row in left_out(out) if row["reason"] == "further_negatives"}
    assert noted == {query: f"{count} negatives after the first" for query, count in more.items()}


def test_vlm2vec_has_one_row_a_negative_if_asked(root: Path, tiny: TinyDataset, tmp_path: Path) -> None:
    out = tmp_path / "vlm2vec"
    nyxqa.export(root, "vlm2vec", out, expand_negatives=True)
    for split in SPLITS:
        rounds = _rounds(tiny, split)
        assert len(rounds[1]) > 1
        assert _vlm2vec_rows(out, split) == [row for one in rounds for row in one]
    with pytest.raises(UsageError, match="leave out --expand-negatives"):
        nyxqa.export(root, "beir", tmp_path / "beir", expand_negatives=True)
