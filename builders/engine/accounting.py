"""The account of a shard: each input item has exactly one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pyarrow as pa

from nyxqa.builders.formatting import counted
from nyxqa.schemas.credentials import redacted
from nyxqa.schemas.errors import LawError

# Different things of one item that fail for one reason, such as the dead images of a page, have a row each up to this
# number, and one row together beyond it.
MOST = 16


ItemType = Literal["page", "block", "image", "document", "question", "negative", "row"]
DETAIL_LIMIT = 500
_SHOWN = 3  # items that a message names


@dataclass(frozen=True, slots=True)
class Drop:
    """A dropped item with the reason; its stage and split are the shard's."""

    item_type: ItemType
    item_id: str
    parent_id: str
    reason: str
    detail: str = ""

    def line(self) -> str:
        """``detail`` on one line without credentials of URLs, at most 500 characters."""
        return redacted(" ".join(self.detail.split()))[:DETAIL_LIMIT]


@dataclass(slots=True)
class Account:
    """Every input item of a shard by its outcome.

    :param inputs: Names of the input items, unique.
    :param parents: For every output row, the name of the input item it comes from.
    :param dropped: One row for each dropped input item.
    :param notes: Rows for dropped parts of retained items; they do not count as dropped.
    :param not_sampled: Input items left out by sampling.
    """

    inputs: Sequence[str] = ()
    parents: Sequence[str] = ()
    dropped: list[Drop] = field(default_factory=list)
    notes: list[Drop] = field(default_factory=list)
    not_sampled: Sequence[str] = ()

    def check(self, where: str) -> None:
        """Check that each input is a parent, dropped or not sampled: exactly one of the three.

        :param where: Stage, split and shard, for the message.
        :raises LawError: If an item has no outcome or several; the message names the first such items.
        """
        inputs = Counter(self.inputs)
        repeated = [item for item, count in inputs.items() if count > 1]
        outcomes = Counter(set(self.parents)) + Counter(d.item_id for d in self.dropped) + Counter(self.not_sampled)
        wrong = [item for item in inputs if outcomes[item] != 1]
        unknown = [item for item in outcomes if item not in inputs]
        faults = {"with no outcome or several": wrong, "not among the inputs": unknown, "listed twice": repeated}
        lines = [
            f"{counted(len(items), 'item')} {fault}: {', '.join(items[:_SHOWN])}"
            for fault, items in faults.items()
            if items
        ]
        if lines:
            raise LawError(f"{where}: the ledger does not add up: {'; '.join(lines)}")


@dataclass(frozen=True, slots=True)
class ShardOutput:
    """Rows of a shard and the account of its input items.

    :param groups: Rows of each row group of its file, if the groups mean something.
    """

    rows: pa.Table
    account: Account
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """The account of a shard or a stage in numbers.

    :param rows_in: Input items.
    :param parents: Input items with output.
    :param rows_out: Output rows.
    """

    rows_in: int = 0
    parents: int = 0
    dropped: int = 0
    not_sampled: int = 0
    rows_out: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.rows_in + other.rows_in,
            self.parents + other.parents,
            self.dropped + other.dropped,
            self.not_sampled + other.not_sampled,
            self.rows_out + other.rows_out,
        )

    def then(self, later: Counts) -> Counts:
        """Counts of this step followed by ``later`` over its output, item by item, as one stage."""
        dropped, skipped = self.dropped + later.dropped, self.not_sampled + later.not_sampled
        return Counts(self.rows_in, self.rows_in - dropped - skipped, dropped, skipped, later.rows_out)

    @classmethod
    def of(cls, output: ShardOutput) -> Counts:
        """Counts of one shard."""
        account = output.account
        return cls(
            len(account.inputs),
            len(set(account.parents)),
            len(account.dropped),
            len(account.not_sampled),
            output.rows.num_rows,
        )


def without_repeats(notes: Sequence[Drop]) -> list[Drop]:
    """``notes`` with one row for what repeats inside an item for one reason; its detail begins with the count.

    Notes of one item and reason repeat if their details are equal, or if they are more than ``MOST``. Negatives of a
    question never do: each is a document of its own, and they are few.

    :param notes: Ledger rows for parts of items, in the order of the items.
    """
    groups: dict[tuple[str, str, str], list[Drop]] = {}
    for note in notes:
        groups.setdefault((note.parent_id, note.item_type, note.reason), []).append(note)
    return [row for group in groups.values() for row in _rows(group)]


def _rows(group: list[Drop]) -> list[Drop]:
    if group[0].item_type == "negative":
        return group
    if len(group) > MOST:
        return [_together(group)]
    equal: dict[str, list[Drop]] = {}
    for note in group:
        equal.setdefault(note.detail, []).append(note)
    return [_together(one) for one in equal.values()]


def _together(group: list[Drop]) -> Drop:
    first = group[0]
    if len(group) == 1:
        return first
    same = all(note.detail == first.detail for note in group)
    what = first.detail if same else f"the first: {first.detail}"
    return replace(first, detail=f"{len(group)} times: {what}" if what else f"{len(group)} times")
