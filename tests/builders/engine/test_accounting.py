from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from nyxqa.builders.engine.accounting import DETAIL_LIMIT, Account, Counts, Drop, ShardOutput
from nyxqa.schemas.errors import LawError


def drop(item: str) -> Drop:
    return Drop("row", item, "", "why")


def test_every_input_is_parent_dropped_or_not_sampled() -> None:
    account = Account(["a", "b", "c", "d"], ["a", "a", "b"], [drop("c")], [drop("z")], ["d"])
    account.check("here")
    counts = Counts.of(ShardOutput(pa.table({"n": [1, 2, 3]}), account))
    assert counts.rows_in == counts.parents + counts.dropped + counts.not_sampled == 4
    for name in ("parents", "dropped", "not_sampled"):
        with pytest.raises(LawError, match="the ledger does not add up"):
            replace(account, **{name: []}).check("here")


def test_a_shard_of_nothing_adds_up() -> None:
    Account().check("here")
    assert Counts.of(ShardOutput(pa.table({"n": []}), Account())) == Counts()


@pytest.mark.parametrize(
    ("account", "what"),
    [
        (Account(["a", "b"], ["a"]), "1 item with no outcome or several: b"),
        (Account(["a"], ["a"], [drop("a")]), "1 item with no outcome or several: a"),
        (Account(["a"], [], [drop("a"), drop("a")]), "1 item with no outcome or several: a"),
        (Account(["a"], ["a"], not_sampled=["a"]), "1 item with no outcome or several: a"),
        (Account(["a"], ["a", "b"]), "1 item not among the inputs: b"),
        (Account(["a"], ["a"], [drop("b")]), "1 item not among the inputs: b"),
        (Account(["a", "a"], ["a"]), "1 item listed twice: a"),
        (Account([], ["a"]), "1 item not among the inputs: a"),
    ],
    ids=[
        "lost",
        "two outcomes",
        "dropped twice",
        "both",
        "output without parent",
        "unknown item",
        "twice",
        "from nothing",
    ],
)
def test_an_account_that_does_not_add_up_breaks_the_law(account: Account, what: str) -> None:
    with pytest.raises(LawError, match="stage x shard 3: the ledger does not add up") as error:
        account.check("stage x shard 3")
    assert what in str(error.value)
    assert error.value.exit_code == 3


def test_counts_of_a_shard_count_parents_once_and_notes_not_at_all() -> None:
    account = Account(["a", "b", "c"], ["a", "a"], [drop("b")], [drop("z")], ["c"])
    counts = Counts.of(ShardOutput(pa.table({"n": [1, 2]}), account))
    assert counts == Counts(rows_in=3, parents=1, dropped=1, not_sampled=1, rows_out=2)


def test_counts_add_over_shards_and_chain_over_steps() -> None:
    assert Counts(3, 2, 1, 0, 4) + Counts(5, 3, 1, 1, 3) == Counts(8, 5, 2, 1, 7)
    first, later = Counts(10, 8, 1, 1, 8), Counts(8, 5, 3, 0, 7)
    joined = first.then(later)
    assert joined == Counts(rows_in=10, parents=5, dropped=4, not_sampled=1, rows_out=7)
    assert joined.rows_in == joined.parents + joined.dropped + joined.not_sampled


def test_a_detail_is_one_line_of_at_most_500_characters() -> None:
    assert Drop("row", "a", "", "why", " two\n\tlines  here ").line() == "two lines here"
    assert len(Drop("row", "a", "", "why", "x" * 900).line()) == DETAIL_LIMIT == 500
