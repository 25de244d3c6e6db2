"""The repair report: what an import changed and what it could not use, by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.formatting import listed
from nyxqa.builders.qa.answer_match import contains_answer, searchable_answers
from nyxqa.builders.question_sets.importers.repair import ImportedRow
from nyxqa.schemas.content import plain_text


@dataclass(frozen=True)
class RepairReport:
    """An import in numbers; JSON types throughout.

    :param rows: Rows read.
    :param imported: Rows that can be used.
    :param dropped: Rows that cannot, by reason.
    :param repaired: Rows with a repair, by column and repair.
    :param lost: Negatives that could not be used, by reason.
    :param without_negatives: Rows imported that have none.
    :param without_answer: Text-only rows whose positive holds none of their answers; published sets never checked.
    """

    rows: int
    imported: int
    dropped: dict[str, int]
    repaired: dict[str, dict[str, int]]
    lost: dict[str, int]
    without_negatives: int
    without_answer: int
    datasets: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """The report for people."""
        lines = [
            f"{self.imported} of {self.rows} rows imported; {self.without_negatives} without negatives; "
            f"{self.without_answer} with a positive that holds no answer",
            f"rows dropped: {listed(self.dropped)}",
            f"negatives lost: {listed(self.lost)}",
        ]
        lines += [f"repaired {column}: {listed(counts)}" for column, counts in self.repaired.items()]
        return "\n".join(lines)


def repair_report(outcomes: Iterable[ImportedRow | Drop]) -> RepairReport:
    """Sum up what an importer gave."""
    seen: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    datasets: Counter[str] = Counter()
    repaired: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        seen["rows"] += 1
        if isinstance(outcome, Drop):
            dropped[outcome.reason] += 1
            continue
        datasets[outcome.dataset] += 1
        seen["without_negatives"] += not outcome.negatives
        seen["without_answer"] += _lacks_answer(outcome)
        lost.update(note.reason for note in outcome.notes)
        for column, repair in set(outcome.repairs):
            repaired.setdefault(column, Counter())[repair] += 1
    return RepairReport(
        rows=seen["rows"],
        imported=datasets.total(),
        dropped=dict(sorted(dropped.items())),
        repaired={column: dict(sorted(counts.items())) for column, counts in sorted(repaired.items())},
        lost=dict(sorted(lost.items())),
        without_negatives=seen["without_negatives"],
        without_answer=seen["without_answer"],
        datasets=dict(sorted(datasets.items())),
    )


def _lacks_answer(row: ImportedRow) -> bool:
    wanted = searchable_answers(row.answers)
    return bool(wanted) and not row.positive.images and not contains_answer(plain_text(row.positive.text), wanted)
