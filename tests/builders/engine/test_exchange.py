"""Rows of all shards meet by key, in one order, whatever the workers and the kills."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from nyxqa.builders.engine.exchange import KEY, Items, range_numbers, rows_where
from nyxqa.builders.engine.executors.local import LocalExecutor
from nyxqa.builders.engine.step import StepOutput
from nyxqa.schemas.errors import WorldError
from tests.support.exchanged import Shard, begun, exchanged

RANGE = 20
SKEWED = 2**63 + 17  # most rows have this key


def shards(seed: int = 0) -> list[Shard]:
    """Five shards, of which one is empty."""
    random = np.random.default_rng(seed)
    made = []
    for shard, size in enumerate([30, 0, 25, 1, 40]):
        keys = random.integers(2**64, size=size, dtype=np.uint64)
        keys[random.random(size) < 0.6] = SKEWED
        made.append((shard, keys.tolist()))
    return made


def content(output: StepOutput) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in output.files()}


def test_every_row_comes_once_in_the_order_of_key_shard_and_row(tmp_path: Path) -> None:
    given = shards()
    output = exchanged(tmp_path, LocalExecutor(1), given, RANGE)
    expected = sorted((key, shard, row) for shard, keys in given for row, key in enumerate(keys))
    assert len(output.files()) == 5
    assert [(row[KEY], row["shard"], row["row"]) for row in output.rows()] == expected
    assert {row["items"] for row in output.rows()} == {96}
    for number, file in enumerate(output.files()):
        keys = pq.read_table(file)[KEY].to_numpy()
        assert np.all(range_numbers(keys, 5) == number)


def test_ranges_follow_from_the_items_and_not_from_workers(tmp_path: Path) -> None:
    with LocalExecutor(2) as two:
        outputs = [
            exchanged(tmp_path / "1", LocalExecutor(1), shards(), RANGE),
            exchanged(tmp_path / "2", two, shards(), RANGE),
        ]
    assert content(outputs[0]) == content(outputs[1])
    assert [Items(partial(int, n), RANGE).ranges() for n in (0, 1, 20, 21)] == [1, 1, 1, 2]


def test_shards_in_another_order_give_the_same_rows(tmp_path: Path) -> None:
    """Rows of one key come in the order of the shards, so without these the order of tasks does not show."""
    given = [(shard, sorted(set(keys))) for shard, keys in shards()]
    used: set[int] = set()
    for _, keys in given:
        keys[:] = [key for key in keys if key not in used]
        used.update(keys)
    one = exchanged(tmp_path / "one", LocalExecutor(1), given, RANGE)
    other = exchanged(tmp_path / "other", LocalExecutor(1), given[::-1], RANGE)
    assert list(one.rows()) == list(other.rows())


def test_nothing_given_is_taken_as_nothing(tmp_path: Path) -> None:
    assert exchanged(tmp_path / "no shard", LocalExecutor(1), [], RANGE).files() == []
    empty = exchanged(tmp_path / "no row", LocalExecutor(1), [(0, []), (1, [])], RANGE)
    assert [pq.read_metadata(file).num_rows for file in empty.files()] == [0]


def test_a_kill_inside_a_range_costs_one_range(tmp_path: Path) -> None:
    """Begun calls are those of all shards and one more; nothing temporary stays."""
    whole = content(exchanged(tmp_path / "whole", LocalExecutor(1), shards(), RANGE))
    killed = tmp_path / "killed"
    exchanged_once = begun(tmp_path / "whole")
    (killed / "log").mkdir(parents=True)
    (killed / "log" / "kill").write_text("")
    with LocalExecutor(2) as two, pytest.raises(WorldError, match="a worker process died"):
        exchanged(killed, two, shards(), RANGE)
    output = exchanged(killed, LocalExecutor(1), shards(), RANGE)
    assert content(output) == whole
    calls = begun(killed)
    assert {name: count for name, count in calls.items() if name.startswith("give")} == {
        name: count for name, count in exchanged_once.items() if name.startswith("give")
    }
    # Two processes: the other one may have been in a range of its own when the pool was closed.
    assert 1 <= sum(calls.values()) - sum(exchanged_once.values()) <= 2
    assert not list(output.folder.glob(".*"))


def test_only_row_groups_that_can_hold_the_value_are_read(tmp_path: Path) -> None:
    given = [(shard, list(range(shard, 2**20, 64))) for shard in range(3)]
    output = exchanged(tmp_path, LocalExecutor(1), given, 1 << 20)
    assert rows_where(output, "shard", 1)["row"].to_pylist() == list(range(len(given[1][1])))
    assert len(rows_where(output, "shard", 7)) == 0
