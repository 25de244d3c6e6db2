from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.dedup.across import published
from nyxqa.builders.dedup.across.published import find_leaks, leak_counts
from nyxqa.builders.dedup.certificate import certify
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.schemas.columns import Table
from nyxqa.schemas.recipe import Dedup
from nyxqa.schemas.tables import CORPUS, QA, TRIPLETS

PLACES = {"corpus": "web"}


def blank(table: Table, **given: Any) -> dict[str, Any]:
    """A row of a published table with what matters here."""
    row: dict[str, Any] = dict.fromkeys(table.schema.names)
    lists = [column.name for column in table.schema if pa.types.is_list(column.type)]
    return {**row, **{name: [] for name in lists}, **given}


def doc(doc_id: str, split: str, text: str = "", images: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    given = {"doc_id": doc_id, "page_id": doc_id, "split": split, "text": text or doc_id, "image_ids": list(images)}
    return blank(CORPUS, **{**given, **more})


def ask(text: str, images: tuple[str, ...] = ()) -> dict[str, Any]:
    return blank(QA, question=text, image_ids=list(images))


def triplet(positive: str, *negatives: str, pool: str = "web") -> dict[str, Any]:
    positives = [{"doc_id": positive, "rank": 1, "score": 1.0, "origin": "source"}]
    return blank(TRIPLETS, pool=pool, positives=positives, negative_ids=list(negatives))


def certified(folder: Path, **tables: list[dict[str, Any]]) -> dict[str, int]:
    """Checks that found something; names are TABLE or TABLE_SPLIT."""
    files = []
    for name, rows in tables.items():
        table, _, split = name.partition("_")
        schema = {"corpus": CORPUS, "qa": QA, "triplets": TRIPLETS}[table].schema
        path = folder / "data" / table / f"{split or 'web'}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=2)
        files.append(path.relative_to(folder).as_posix())
    counts = certify(folder, files, Dedup(), folder)
    if "corpus" in tables:
        by_steps = counted_by_steps(folder)
        assert by_steps == {name: counts[name] for name in by_steps}
        assert certify(folder, files, Dedup(), folder, by_steps) == counts
    return {name: count for name, count in counts.items() if count}


def counted_by_steps(folder: Path) -> dict[str, int]:
    """What a build counts over the files of pool ``web``, in pieces of few rows."""
    run = WorkingRun(folder / f"work-{uuid4().hex}", LocalExecutor(1), Progress())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(published, "GROUP_DOCUMENTS", 1)
        patched.setattr(published, "_DOCUMENTS_A_RANGE", 2)
        found = find_leaks(run, "x", [], lambda: sorted((folder / "data" / "corpus").glob("web-*")), Dedup())
    return leak_counts(*found)


CLEAN = [doc("a", "train", "one", ("i",)), doc("b", "test", "two", ("j",)), doc("c", "train", "one", ("i",))]


def test_a_clean_set_has_no_finding_and_every_check_is_counted(tmp_path: Path) -> None:
    assert (
        certified(
            tmp_path,
            corpus=CLEAN,
            qa_train=[ask("What?"), ask("Who?")],
            qa_test=[ask("Where?")],
            triplets_train=[triplet("a", "c")],
            triplets_test=[triplet("b")],
        )
        == {}
    )
    assert set(certify(tmp_path, [], Dedup(), tmp_path).values()) == {0}
    assert len(certify(tmp_path, [], Dedup(), tmp_path)) >= 7


@pytest.mark.parametrize(
    ("check", "tables"),
    [
        ("page_in_two_splits", {"corpus": [doc("a", "train", page_id="p"), doc("b", "test", page_id="p")]}),
        (
            "page_in_two_splits",
            {"corpus": [doc("a", "train", also_at=[{"page_id": "b", "chunk": 0, "url": None}]), doc("b", "test")]},
        ),
        (
            "text_in_two_splits",
            {"corpus": [doc("a", "train", "<|image|>\nequal", ("i",)), doc("b", "test", "equal\n<|image|>", ("j",))]},
        ),
        ("image_in_two_splits", {"corpus": [doc("a", "train", "x", ("i", "k")), doc("b", "test", "y", ("k",))]}),
        ("question_in_two_splits", {"qa_train": [ask("What is it?")], "qa_test": [ask("what IS it?")]}),
        ("positive_of_another_split", {"corpus": CLEAN, "triplets_train": [triplet("b")]}),
        ("negative_of_another_split", {"corpus": CLEAN, "triplets_test": [triplet("b", "c")]}),
        ("document_in_two_splits", {"corpus": [doc("a", "train", "x"), doc("a", "train", "x")]}),
    ],
)
def test_each_planted_leak_is_found(check: str, tables: dict[str, Any], tmp_path: Path) -> None:
    found = certified(tmp_path, **tables)
    assert check in found
    assert found[check] >= 1


def test_neither_cluster_nor_group_is_believed(tmp_path: Path) -> None:
    rows = [
        doc("a", "train", "equal", cluster="a", group="a"),
        doc("b", "test", "equal", cluster="b", group="b"),
    ]
    assert certified(tmp_path, corpus=rows) == {"text_in_two_splits": 1, "near_text_in_two_splits": 1}


def test_equal_questions_on_other_images_and_other_pools_are_no_leak(tmp_path: Path) -> None:
    assert (
        certified(
            tmp_path,
            corpus=CLEAN,
            qa_train=[ask("What is <|image|>?", ("i",))],
            qa_test=[ask("What is <|image|>?", ("j",))],
            triplets_train=[triplet("b", "b", pool="wiki")],
        )
        == {}
    )
