from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nyxqa.builders.dedup.across.pairs import PAIRS
from nyxqa.builders.dedup.groups import Groups, NumberedGroups, find_groups
from nyxqa.builders.dedup.homes import Pages, write_pages
from nyxqa.builders.engine.decide import paired_files
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.stages.split import (
    assign_by_pages,
    assign_by_questions,
    connect_pages,
    split_shard,
    write_assignment,
)
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.recipe import Dedup, SplitSection
from nyxqa.schemas.tables import QA_SPLITS
from tests.support.rows import DOCUMENTS, SPLIT_DOCUMENTS, document, finished, parts_of

FRACTIONS = SplitSection(validation=0.2, test=0.1)
KINDS = ("text", "single", "multi")


def grouped(sizes: dict[str, int], seeds: dict[str, Counter[str]] | None = None) -> Groups:
    """Groups of the given numbers of pages, of one document each, with seeds by kind."""
    names = sorted(sizes)
    pages = [(f"{name}{page}", name) for name in names for page in range(sizes[name])]
    found = [[(seeds or {}).get(name, Counter())[kind] for kind in KINDS] for name in names]
    return Groups(
        pa.table({"page_id": [page for page, _ in pages], "group": [name for _, name in pages]}),
        pa.array(names, pa.string()),
        np.array([[sizes[name], sizes[name]] for name in names], np.int64).reshape(-1, 2),
        np.array(found, np.int64).reshape(-1, 3),
    )


def placed(groups: Groups, places: npt.NDArray[np.int8]) -> dict[str, str]:
    return dict(zip(groups.names.to_pylist(), [QA_SPLITS[code] for code in places], strict=True))


def documents_of(folder: Path, rows: list[dict[str, Any]]) -> Any:
    return parts_of(folder, DOCUMENTS, rows[: len(rows) // 2], rows[len(rows) // 2 :])


def assigned(documents: Any, settings: SplitSection, folder: Path) -> StepOutput:
    pages, near = connected(documents, folder)
    write_assignment(documents, pages, near, settings, 0, 42, folder)
    return finished(folder)


def connected(documents: Any, folder: Path) -> tuple[StepOutput, StepOutput]:
    return connect_pages(WorkingRun(folder / "work", LocalExecutor(1), Progress()), documents, Dedup())


def found_groups(documents: Any, folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    groups = find_groups(documents, Dedup(), 0, folder)
    for row in groups.pages.to_pylist():
        found.setdefault(row["group"], []).append(row["page_id"])
    assert groups.names.to_pylist() == list(found)
    assert groups.sizes[:, 0].tolist() == [len(pages) for pages in found.values()]
    pages, near = connected(documents, folder)
    numbered = NumberedGroups(Pages(pages.folder), near)
    for file in pages.files():  # one for all files of documents, which are small
        numbers = pq.read_table(file)["page"].to_numpy()
        numbered.count(numbers, pa.concat_tables(map(pq.read_table, documents.files())), 0)
        ids = [Pages(pages.folder).ids[number].decode() for number in numbers]
        assert ids == [row["page_id"] for row in documents.rows()]
    assert list(numbered.all_names()) == list(found)
    assert numbered.sizes.tolist() == groups.sizes.tolist()
    assert numbered.seeds.tolist() == groups.seeds.tolist()
    return found


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
    found = found_groups(documents_of(tmp_path / "in", rows), tmp_path)
    assert found == {"a": ["a", "b", "c", "d"], "e": ["e", "only there"], "f": ["f"]}


def test_what_the_clusters_missed_is_one_group(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    rows = [
        document("a", 0, text),
        document("b", 0, text.replace("word39", "another")),
        document("c", 0, "nothing alike", ["i" * 64]),
        document("d", 0, "something else", ["i" * 64]),
        document("e", 0, "on its own"),
    ]
    assert found_groups(documents_of(tmp_path / "in", rows), tmp_path) == {"a": ["a", "b"], "c": ["c", "d"], "e": ["e"]}


def test_no_page_no_group(tmp_path: Path) -> None:
    assert found_groups(parts_of(tmp_path / "in", DOCUMENTS, []), tmp_path) == {}


def test_fractions_are_of_pages_and_large_groups_go_to_train() -> None:
    groups = grouped({"big": 30, **{f"p{i:03d}": 1 for i in range(70)}})
    places = placed(groups, assign_by_pages(groups, FRACTIONS, 42))
    sizes = Counter[str]()
    for group, place in places.items():
        sizes[place] += 30 if group == "big" else 1
    assert sizes == {"train": 70, "validation": 20, "test": 10}
    assert places["big"] == "train"


def test_a_group_of_long_pages_goes_to_train() -> None:
    groups = grouped({f"p{i:03d}": 1 for i in range(100)})
    groups.sizes[:, 1] = 10
    groups.sizes[_first(groups), 1] = 900
    places = assign_by_pages(groups, FRACTIONS, 42)
    assert places[_first(groups)] == 0
    assert np.bincount(places).tolist() == [70, 20, 10]


def _first(groups: Groups) -> int:
    names = groups.names.to_pylist()
    return min(range(len(names)), key=lambda index: keyed_hash(42, "split", names[index]))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(0, 99))
def test_no_split_gets_more_than_its_fraction(sizes: list[int], seed: int) -> None:
    groups = grouped({f"g{index:02d}": size for index, size in enumerate(sizes)})
    places = assign_by_pages(groups, FRACTIONS, seed)
    total = [int(groups.sizes[places == code, 0].sum()) for code in range(3)]
    assert total[1] <= round(0.2 * sum(sizes))
    assert total[2] <= round(0.1 * sum(sizes))
    assert len(places) == len(sizes)


def test_a_group_draws_the_same_lot_whatever_else_is_there() -> None:
    few = grouped({f"p{i:03d}": 1 for i in range(40)})
    more = grouped({f"{letter}{i:03d}": 1 for i in range(40) for letter in "pq"})

    def order(groups: Groups) -> list[str]:
        return sorted(groups.names.to_pylist(), key=lambda g: keyed_hash(42, "split", g))

    assert [group for group in order(more) if group.startswith("p")] == order(few)
    first, second = (placed(groups, assign_by_pages(groups, FRACTIONS, 42)) for groups in (few, more))
    early = [group for group in order(more)[:8] if group.startswith("p")]  # the first tenth of both goes to test
    assert {first[group] for group in order(few)[:4]} == {"test"}
    assert {second[group] for group in early} == {"test"}


def test_quotas_take_groups_until_each_kind_has_seeds() -> None:
    seeds = {f"p{i:03d}": Counter({"text": 1 + i % 3, "single": i % 2, "multi": int(i % 5 == 0)}) for i in range(300)}
    groups = grouped(dict.fromkeys(seeds, 1), seeds)
    places = placed(groups, assign_by_questions(groups, SplitSection(validation=20, test=10), 42))
    for split, count in (("validation", 20), ("test", 10)):
        own = [seeds[group] for group, place in places.items() if place == split]
        have = sum(own, Counter())
        assert all(have[kind] >= count for kind in KINDS)
        assert have["multi"] == count  # the rarest kind is taken for its own sake and no further
    assert Counter(places.values())["train"] > 100


def test_a_group_of_more_seeds_than_a_split_may_use_goes_to_train() -> None:
    seeds = {"a": Counter(text=41), "b": Counter(text=40), "c": Counter(text=20)}
    groups = grouped(dict.fromkeys(seeds, 1), seeds)
    places = placed(groups, assign_by_questions(groups, SplitSection(validation=20, test=10), 42))
    assert places["a"] == "train"
    assert places["b"] == "validation"


def test_groups_without_seeds_go_to_train_when_quotas_are_questions() -> None:
    groups = grouped({"a": 1, "b": 1}, {"a": Counter(text=1)})
    assert placed(groups, assign_by_questions(groups, SplitSection(validation=1, test=1), 42))["b"] == "train"


def test_pages_go_where_they_go_whatever_stays_empty(tmp_path: Path) -> None:
    for settings in (FRACTIONS, SplitSection(validation=3, test=2), SplitSection(validation=0, test=0)):
        rows = [document(f"p{index}", 0, f"text {index}", cluster="one") for index in range(20)]
        folder = tmp_path / str(settings.validation)
        folder.mkdir()
        rows_of_splits = assigned(documents_of(folder / "in", rows), settings, folder).rows()
        assert {row["split"] for row in rows_of_splits} == {"train"}


def test_no_question_goes_with_a_number_of_questions() -> None:
    seeds = {f"p{index}": Counter(text=1) for index in range(9)}
    groups = grouped(dict.fromkeys(seeds, 1), seeds)
    settings = SplitSection(validation=3, test=0)
    assert (settings.by_questions, settings.splits) == (True, ["train", "validation"])
    assert Counter(assign_by_questions(groups, settings, 42).tolist()) == {0: 6, 1: 3}
    with pytest.raises(ValueError, match="must both be fractions"):
        SplitSection(validation=3, test=0.1)


def test_no_page_sibling_or_document_stands_in_two_splits(tmp_path: Path) -> None:
    rows = [
        document(f"p{i:02d}", chunk, f"text {i} {chunk}", cluster=f"k{i // 2}") for i in range(40) for chunk in (0, 1)
    ]
    rows[10]["also_at"] = [{"page_id": "p30", "chunk": 0, "url": None}]
    parts = documents_of(tmp_path / "in", rows)
    found: list[dict[str, Any]] = []
    for task in paired_files(parts, assigned(parts, FRACTIONS, tmp_path)):
        output = split_shard(task)
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


def held(folder: Path, count: int) -> int:
    """The most bytes of arrays at a time that groups of ``count`` pages take."""
    kinds = pa.array(KINDS).take(pa.array(np.arange(count) % 3))
    ids = pa.array([f"{number * 0x9E3779B97F4A7C15 % 2**64:032x}" for number in range(count)])
    table = pa.table({"page_id": ids, "kind": kinds, "n_tokens": np.full(count, 9)})
    folder.mkdir()
    for shard, start in enumerate(range(0, count, 5_000)):
        pq.write_table(table.slice(start, 5_000), folder / f"part-{shard:06d}.parquet")
    none = parts_of(folder / "none", pa.schema([(name, pa.string()) for name in ("page", "first")]), [])
    near = parts_of(folder / "near", PAIRS, [])
    out = {name: folder / name for name in ("pages", "place")}
    for path in out.values():
        path.mkdir()
    tracemalloc.start()
    try:
        write_pages(finished(folder), none, out["pages"])
        write_assignment(finished(folder), finished(out["pages"]), near, FRACTIONS, 0, 42, out["place"])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_groups_hold_less_than_64_bytes_a_page(tmp_path: Path) -> None:
    small, large = (held(tmp_path / str(count), count) for count in (20_000, 50_000))
    assert (large - small) / 30_000 < 64
