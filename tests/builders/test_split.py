from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.builders.groups import Groups, find_groups
from nyxqa.builders.split import by_pages, by_questions, split_shard, write_places
from nyxqa.schemas.chance import lot
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import SplitSection
from tests.support.rows import DOCUMENTS, SPLIT_DOCUMENTS, document, parts_of

FRACTIONS = SplitSection(validation=0.2, test=0.1)


def grouped(*groups: list[str]) -> Groups:
    return Groups({pages[0]: pages for pages in groups}, {page: pages[0] for pages in groups for page in pages})


def documents_of(folder: Path, rows: list[dict[str, Any]]) -> Any:
    return parts_of(folder, DOCUMENTS, rows[: len(rows) // 2], rows[len(rows) // 2 :])


def test_pages_that_share_a_document_or_a_cluster_are_one_group(tmp_path: Path) -> None:
    rows = [
        document("a", 0, "one", also_at=[{"page_id": "d", "chunk": 0, "url": None}]),
        document("b", 0, "two", cluster="k"),
        document("c", 0, "three", cluster="k"),
        document("c", 1, "four"),
        document("e", 0, "five", also_at=[{"page_id": "only there", "chunk": 0, "url": None}]),
        document("d", 1, "six", cluster="m"),
        document("b", 1, "seven", cluster="m"),
        document("f", 0, "eight"),
    ]
    groups = find_groups(documents_of(tmp_path, rows))
    assert groups.pages == {"a": ["a", "b", "c", "d"], "e": ["e", "only there"], "f": ["f"]}
    assert groups.of["d"] == "a"


def test_no_page_no_group(tmp_path: Path) -> None:
    assert find_groups(parts_of(tmp_path, DOCUMENTS, [])).pages == {}


def test_fractions_are_of_pages_and_large_groups_go_to_train() -> None:
    groups = grouped([f"big{i}" for i in range(30)], *([f"p{i:03d}"] for i in range(70)))
    places = by_pages(groups, FRACTIONS, 42)
    sizes = Counter[str]()
    for group, place in places.items():
        sizes[place] += len(groups.pages[group])
    assert sizes == {"train": 70, "validation": 20, "test": 10}
    assert places["big0"] == "train"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(0, 99))
def test_no_split_gets_more_than_its_fraction(sizes: list[int], seed: int) -> None:
    groups = grouped(*([f"g{index}_{page}" for page in range(size)] for index, size in enumerate(sizes)))
    places = by_pages(groups, FRACTIONS, seed)
    total = Counter[str]()
    for group, place in places.items():
        total[place] += len(groups.pages[group])
    assert total["validation"] <= round(0.2 * sum(sizes))
    assert total["test"] <= round(0.1 * sum(sizes))
    assert places.keys() == groups.pages.keys()


def test_a_group_draws_the_same_lot_whatever_else_is_there() -> None:
    few = grouped(*([f"p{i:03d}"] for i in range(40)))
    more = grouped(*([f"p{i:03d}"] for i in range(40)), *([f"q{i:03d}"] for i in range(40)))

    def order(groups: Groups) -> list[str]:
        return sorted(groups.pages, key=lambda g: lot(42, "split", g))

    assert [group for group in order(more) if group in few.pages] == order(few)
    wide = SplitSection(validation=0.2, test=0.1)
    first, second = by_pages(few, wide, 42), by_pages(more, wide, 42)
    early = [group for group in order(more)[:8] if group in few.pages]  # the first tenth of both goes to test
    assert {first[group] for group in order(few)[:4]} == {"test"}
    assert {second[group] for group in early} == {"test"}


def test_quotas_take_groups_until_each_kind_has_seeds() -> None:
    groups = grouped(*([f"p{i:03d}"] for i in range(300)))
    seeds = {f"p{i:03d}": Counter({"text": 1 + i % 3, "single": i % 2, "multi": int(i % 5 == 0)}) for i in range(300)}
    places = by_questions(groups, seeds, SplitSection(validation=20, test=10), 42)
    for split, count in (("validation", 20), ("test", 10)):
        own = [seeds[group] for group, place in places.items() if place == split]
        have = sum(own, Counter())
        assert all(have[kind] >= count for kind in ("text", "single", "multi"))
        assert have["multi"] == count  # the rarest kind is taken for its own sake and no further
    assert Counter(places.values())["train"] > 100


def test_a_group_of_more_seeds_than_a_split_may_use_goes_to_train() -> None:
    groups = grouped(["a"], ["b"], ["c"])
    seeds = {"a": Counter(text=41), "b": Counter(text=40), "c": Counter(text=20)}
    places = by_questions(groups, seeds, SplitSection(validation=20, test=10), 42)
    assert places["a"] == "train"
    assert places["b"] == "validation"


def test_groups_without_seeds_go_to_train_when_quotas_are_questions() -> None:
    places = by_questions(grouped(["a"], ["b"]), {"a": Counter(text=1)}, SplitSection(validation=1, test=1), 42)
    assert places["b"] == "train"


@pytest.mark.parametrize("settings", [FRACTIONS, SplitSection(validation=3, test=2)])
def test_a_split_that_stays_empty_is_an_error_with_the_reason(settings: SplitSection, tmp_path: Path) -> None:
    rows = [document(f"p{index}", 0, f"text {index}", cluster="one") for index in range(20)]
    with pytest.raises(WorldError, match="20 pages in 1 groups that must not be cut, the largest of 20") as error:
        write_places(documents_of(tmp_path / "in", rows), settings, 0, 42, tmp_path)
    assert str(error.value).startswith("split validation stays empty")


def test_a_split_that_nobody_asks_for_may_stay_empty(tmp_path: Path) -> None:
    rows = [document(f"p{index}", 0, f"text {index}") for index in range(20)]
    write_places(documents_of(tmp_path / "in", rows), SplitSection(validation=0.0, test=0.0), 0, 42, tmp_path)
    assert set(pq.read_table(tmp_path / "places.parquet")["split"].to_pylist()) == {"train"}


def test_no_page_sibling_or_document_stands_in_two_splits(tmp_path: Path) -> None:
    rows = [
        document(f"p{i:02d}", chunk, f"text {i} {chunk}", cluster=f"k{i // 2}") for i in range(40) for chunk in (0, 1)
    ]
    rows[10]["also_at"] = [{"page_id": "p30", "chunk": 0, "url": None}]
    parts = documents_of(tmp_path / "in", rows)
    write_places(parts, FRACTIONS, 0, 42, tmp_path)
    found: list[dict[str, Any]] = []
    for file in parts.files():
        output = split_shard(tmp_path / "places.parquet", file)
        output.account.check("split")
        assert output.rows.schema.equals(SPLIT_DOCUMENTS)
        found += output.rows.to_pylist()
    assert [row["doc_id"] for row in found] == [row["doc_id"] for row in rows]
    for name in ("page_id", "cluster", "group"):
        places: dict[str, set[str]] = {}
        for row in found:
            places.setdefault(row[name], set()).add(row["split"])
        assert all(len(splits) == 1 for splits in places.values())
    assert {row["split"] for row in found} == {"train", "validation", "test"}
    by_page = {row["page_id"]: row["group"] for row in found}
    assert by_page["p05"] == by_page["p30"]
