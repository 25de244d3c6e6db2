"""What became of the items of a shard, and the law that nothing gets lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from nyxqa.schemas.errors import LawError

ItemType = Literal["page", "image", "document", "question", "row"]
DETAIL_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Drop:
    """An item that goes no further, with the reason; its stage and split are the shard's."""

    item_type: ItemType
    item_id: str
    parent_id: str
    reason: str
    detail: str = ""

    def line(self) -> str:
        """``detail`` on one line, at most 500 characters."""
        return " ".join(self.detail.split())[:DETAIL_LIMIT]


@dataclass(slots=True)
class Account:
    """Every input item of a shard by what became of it.

    :param inputs: Names of the input items, unique.
    :param parents: For every output row, the name of the input item it comes from.
    :param dropped: One row for each input item without output.
    :param notes: Rows for parts that fail inside an item that lives; not counted as dropped.
    :param not_sampled: Input items left out by choice.
    """

    inputs: Sequence[str] = ()
    parents: Sequence[str] = ()
    dropped: list[Drop] = field(default_factory=list)
    notes: list[Drop] = field(default_factory=list)
    not_sampled: Sequence[str] = ()

    def check(self, where: str) -> None:
        """Raise unless each input is parent, dropped or not sampled, exactly once.

        :raises LawError: Naming ``where`` and the first items that break the law.
        """
        fates = Counter(self.inputs)
        twice = [item for item, count in fates.items() if count > 1]
        seen = Counter(set(self.parents)) + Counter(d.item_id for d in self.dropped) + Counter(self.not_sampled)
        lost = [item for item in fates if seen[item] != 1]
        strange = [item for item in seen if item not in fates]
        if twice or lost or strange:
            raise LawError(
                f"{where}: the ledger does not add up: {len(lost)} items with none or several fates {lost[:3]}, "
                f"{len(strange)} that were no input {strange[:3]}, {len(twice)} named twice {twice[:3]}"
            )


@dataclass(frozen=True, slots=True)
class ShardOutput:
    """Rows of a shard and the account of its input."""

    rows: pa.Table
    account: Account


@dataclass(frozen=True, slots=True)
class Counts:
    """The account of a shard or a stage in numbers."""

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
        """This step followed by ``later`` over its output, item by item, as one stage."""
        dropped, skipped = self.dropped + later.dropped, self.not_sampled + later.not_sampled
        return Counts(self.rows_in, self.rows_in - dropped - skipped, dropped, skipped, later.rows_out)

    @classmethod
    def of(cls, output: ShardOutput) -> Counts:
        """The numbers of one shard."""
        account = output.account
        return cls(
            len(account.inputs),
            len(set(account.parents)),
            len(account.dropped),
            len(account.not_sampled),
            output.rows.num_rows,
        )
