"""What human verdicts on a row decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nyxqa.builders.formatting import counted
from nyxqa.schemas.errors import LawError
from nyxqa.schemas.recipe import Review
from nyxqa.schemas.verdicts import ACCEPT, REJECT, Verdict


@dataclass(frozen=True)
class Decision:
    """What becomes of a row.

    :param reviews: Number of verdicts on it.
    :param rejected: Why it leaves; empty if it stays.
    :param relevant: Its negatives that answer the query as well.
    """

    reviews: int = 0
    rejected: str = ""
    relevant: frozenset[str] = frozenset()


def decide(verdicts: Sequence[Verdict], settings: Review) -> Decision:
    """Decide over one row by the verdicts on it as it is; fewer than ``need`` that say yes or no decide nothing.

    :raises LawError: If reviewers contradict each other and ``conflict`` is ``error``.
    """
    accepts = [one for one in verdicts if one.verdict == ACCEPT]
    rejects = [one for one in verdicts if one.verdict == REJECT]
    marks = Counter(doc for one in verdicts for doc in set(one.relevant))
    relevant = frozenset(doc for doc, count in marks.items() if count >= settings.need)
    leaves = bool(rejects) and len(accepts) + len(rejects) >= settings.need
    if leaves and accepts:
        if settings.conflict == "error":
            split, dataset, query = rejects[0].row
            raise LawError(
                f"reviewers contradict each other on {dataset} {split} {query}: {len(accepts)} accept it, "
                f"{len(rejects)} reject it; settle it with nyxqa review, or set review.conflict to keep or drop"
            )
        leaves = settings.conflict == "drop"
    if not leaves:
        return Decision(len(verdicts), "", relevant)
    reasons = ", ".join(sorted({reason for one in rejects for reason in one.reasons}))
    by = f"rejected by {len(rejects)} of {counted(len(accepts) + len(rejects), 'reviewer')}"
    return Decision(len(verdicts), f"{by}: {reasons}" if reasons else by, relevant)
