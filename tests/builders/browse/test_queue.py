"""Which rows reviewers see: the same overlap for all, by chance in proportion, suspect ones marked as not drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nyxqa.builders.browse.dataset import SUSPECT
from nyxqa.builders.browse.judging import queue
from nyxqa.builders.browse.judging.queue import QueueOptions, make_queue
from nyxqa.builders.report.locked_views import LockedViews
from nyxqa.builders.report.views import run_sql
from nyxqa.schemas.loading.published import open_published
from tests.support.published import table


@pytest.fixture(scope="module")
def views(built_sample: Path) -> Iterator[LockedViews]:
    opened = LockedViews(open_published(built_sample))
    yield opened
    opened.close()


@pytest.fixture
def less_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overlap that leaves rows of their own to reviewers of a small dataset."""
    monkeypatch.setattr(queue, "OVERLAP_ROWS", 20)


def test_reviewers_share_the_overlap_and_nothing_else_by_design(views: LockedViews, less_overlap: None) -> None:
    options = QueueOptions(42, sample=60, overlap=0.4)
    anna, ben = (make_queue(views, name, options) for name in ("anna", "ben"))
    assert [row for row in anna if row.shared][:24] == anna[:24]
    assert [row.key for row in anna[:24]] == [row.key for row in ben[:24]]
    assert [row.key for row in anna[24:]] != [row.key for row in ben[24:]]
    for rows in (anna, ben):
        assert len({row.key for row in rows}) == len(rows) == 60
    other = QueueOptions(43, sample=20)
    assert [row.key for row in make_queue(views, "anna", other)] != [row.key for row in anna[:20]]


def test_the_overlap_is_at_least_a_hundred_rows(views: LockedViews) -> None:
    rows = make_queue(views, "anna", QueueOptions(42, sample=150))
    assert sum(row.shared for row in rows) == 100
    assert all(row.shared for row in make_queue(views, "anna", QueueOptions(42, sample=60)))
    assert not any(row.shared for row in make_queue(views, "anna", QueueOptions(42, sample=60, overlap=0)))


def test_drawn_rows_are_in_proportion_to_their_strata(views: LockedViews, built_sample: Path) -> None:
    rows = [row for row in make_queue(views, "anna", QueueOptions(42, sample=100)) if row.drawn]
    kinds = {
        (split, row["query_id"]): (split, row["kind"])
        for split in ("train", "validation", "test")
        for row in table(built_sample, "triplets", split)
    }
    sizes, found = Counter(kinds.values()), Counter(kinds[row.key[0], row.key[2]] for row in rows)
    for stratum, size in sizes.items():
        assert abs(found[stratum] - len(rows) * size / len(kinds)) <= 2, stratum


def test_suspect_rows_lie_between_and_are_not_drawn(views: LockedViews, built_sample: Path) -> None:
    rows = make_queue(views, "anna", QueueOptions(42, sample=40))
    suspects = [place for place, row in enumerate(rows) if not row.drawn]
    assert suspects
    assert all(place % 4 == 3 for place in suspects)
    held = run_sql(
        built_sample,
        f"SELECT query_id, {SUSPECT} AS suspect FROM triplets",
    ).to_pylist()
    by_miner = {row["query_id"] for row in held if row["suspect"]}
    answers = {
        row["query_id"]
        for row in views.rows(f"SELECT query_id FROM triplets WHERE {queue.condition('negative_holds_answer')}")
    }
    assert {rows[place].key[2] for place in suspects} <= by_miner | answers


def test_under_a_condition_nothing_counts_as_drawn(views: LockedViews, built_sample: Path) -> None:
    rows = make_queue(views, "anna", QueueOptions(42, sample=500, split="test", where="kind = 'text'"))
    expected = {row["query_id"] for row in table(built_sample, "triplets", "test") if row["kind"] == "text"}
    assert {row.key[2] for row in rows} == expected
    assert {row.key[0] for row in rows} == {"test"}
    assert not any(row.drawn for row in rows)


def test_all_rows_are_seen_where_the_sample_is_larger(views: LockedViews, built_sample: Path) -> None:
    rows = make_queue(views, "anna", QueueOptions(42, sample=10_000))
    everything = {row["query_id"] for row in table(built_sample, "triplets")}
    assert {row.key[2] for row in rows} == everything
    assert all(row.drawn for row in rows)
