from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from nyxqa.builders.assembly.mixture import mixture_rows
from nyxqa.builders.engine.database import database
from nyxqa.schemas.recipe import Mixture


def mixed(tmp_path: Path, mixture: Mixture, seed: int = 42, web: bool = False) -> list[dict[str, Any]]:
    """The mixture of 400 rows of set ``a``, 50 of ``b`` and, if asked for, 30 of the web builder."""
    with database(tmp_path) as db:
        db.execute(
            "CREATE TABLE entry (split VARCHAR, reason VARCHAR, dataset VARCHAR, query_id VARCHAR, positive_id VARCHAR)"
        )
        for dataset, count in (("a", 400), ("b", 50)):
            db.execute(
                f"INSERT INTO entry SELECT 'train', NULL, '{dataset}', '{dataset}' || range, 'd' FROM range({count})"
            )
        db.execute(
            "INSERT INTO entry VALUES ('train', 'same_id', 'a', 'dropped', 'd'), ('test', NULL, 'a', 'other', 'd')"
        )
        db.execute("INSERT INTO entry VALUES ('train', NULL, 'a', 'without a document', '')")
        db.execute("CREATE TABLE question (split VARCHAR, reason VARCHAR, qa_id VARCHAR, answerable BOOLEAN)")
        db.execute("INSERT INTO question SELECT 'train', NULL, 'w' || range, range < 30 FROM range(33)")
        return list(mixture_rows(db, mixture, seed, web))


def test_every_train_row_once_shuffled_by_seed(tmp_path: Path) -> None:
    rows = mixed(tmp_path, Mixture())
    assert [row["position"] for row in rows] == list(range(450))
    ids = [row["query_id"] for row in rows]
    assert set(ids) == {f"a{n}" for n in range(400)} | {f"b{n}" for n in range(50)}
    assert len(ids) == 450
    assert mixed(tmp_path, Mixture()) == rows
    other = [row["query_id"] for row in mixed(tmp_path, Mixture(), seed=1)]
    assert sorted(other) == sorted(ids)
    assert other != ids
    first = Counter(row["dataset"] for row in rows[:225])
    assert 15 <= first["b"] <= 35


def test_a_weight_is_whole_copies_and_a_chance(tmp_path: Path) -> None:
    rows = mixed(tmp_path, Mixture(weights={"a": 2.25, "b": 0.0}))
    copies = Counter(row["query_id"] for row in rows)
    assert set(copies.values()) == {2, 3}
    assert 70 <= sum(count == 3 for count in copies.values()) <= 130
    assert {row["dataset"] for row in rows} == {"a"}


def test_a_cap_chooses_rows_that_a_larger_cap_keeps(tmp_path: Path) -> None:
    few = {row["query_id"] for row in mixed(tmp_path, Mixture(caps={"a": 20, "b": 900}))}
    more = {row["query_id"] for row in mixed(tmp_path, Mixture(caps={"a": 40}))}
    assert Counter(name[0] for name in few) == {"a": 20, "b": 50}
    assert few <= more


def test_questions_of_pages_are_among_them(tmp_path: Path) -> None:
    rows = mixed(tmp_path, Mixture(weights={"nyxqa": 2}), web=True)
    assert Counter(row["dataset"] for row in rows) == {"a": 400, "b": 50, "nyxqa": 60}
