"""Pairs across sides equal those of brute force."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nyxqa.builders.dedup.cross_split import pairs_across
from nyxqa.schemas.errors import UsageError
from tests.support.near_duplicates import components, hamming, jaccard, make_rows, table


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    threshold=st.sampled_from([0.2, 0.5, 0.8, 1.0]),
    distance=st.sampled_from([0, 1, 4, 7, 16]),
)
def test_pairs_are_those_of_brute_force(seed: int, threshold: float, distance: int) -> None:
    rows = make_rows(seed, 45)
    texts, images = {}, {}
    for a, b in combinations(rows, 2):
        if a["split"] == b["split"]:
            continue
        key = (a["doc_id"], b["doc_id"])
        if (similarity := jaccard(str(a["text"]), str(b["text"]))) >= threshold:
            texts[key] = similarity
        bits = [hamming(x, y) for x, y in product(a["p"], b["p"])]  # type: ignore[call-overload]
        if bits and min(bits) <= distance:
            images[key] = min(bits)
    with pairs_across(table(rows), phashes="p", threshold=threshold, image_distance=distance) as found:
        assert {(row["a"], row["b"]): row["similarity"] for row in found.texts.to_pylist()} == texts
        assert {(row["a"], row["b"]): row["distance"] for row in found.images.to_pylist()} == images
        assert found.counts() == {"texts": len(texts), "images": len(images)}
        links = [(row["a"], row["b"]) for row in found.links.to_pylist()]
        sides = {row["doc_id"]: row["split"] for row in rows}
        assert all(row["side_a"] == sides[row["a"]] != row["side_b"] for row in found.texts.to_pylist())
    ids = [str(row["doc_id"]) for row in rows]
    assert components(ids, links) == components(ids, [*texts, *images])


def test_clean_sides_have_no_pair_and_copies_on_one_side_do_not_count(tmp_path: Path) -> None:
    data = pa.table(
        {
            "doc_id": ["a", "b", "c", "d"],
            "text": ["one two three four", "one two three four", "five six seven eight", ""],
            "split": ["train", "train", "test", "test"],
        }
    )
    with pairs_across(data, phashes=None) as found:
        assert found.counts() == {"texts": 0, "images": 0}
        assert found.links.num_rows == 0
        found.write(tmp_path)
    assert pq.read_table(tmp_path / "texts.parquet").column_names == ["a", "b", "side_a", "side_b", "similarity"]


def test_flat_pictures_count_as_any_other() -> None:
    data = pa.table(
        {
            "doc_id": ["a", "b"],
            "text": ["", ""],
            "split": ["train", "test"],
            "image_phashes": pa.array([[0], [1]], pa.list_(pa.int64())),
        }
    )
    with pairs_across(data) as found:
        assert found.images.to_pylist() == [{"a": "a", "b": "b", "side_a": "train", "side_b": "test", "distance": 1}]


def test_missing_side_is_named() -> None:
    with pytest.raises(UsageError, match="no column 'split'"):
        pairs_across(pa.table({"doc_id": ["a"], "text": [""]}), phashes=None)
