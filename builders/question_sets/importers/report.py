"""The repair report of an import: what was repaired, by column, and what was dropped, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from nyxqa.builders.engine.accounting import Drop
from nyxqa.builders.formatting import counted, listed
from nyxqa.builders.qa.answer_match import contains_answer, searchable_answers
from nyxqa.builders.question_sets.importers.images import BROKEN, MISSING, UNREAD
from nyxqa.builders.question_sets.importers.repair import ImportedRow
from nyxqa.schemas.content import plain_text


@dataclass(frozen=True)
class RepairReport:
    """Counts of an import, as JSON types.

    :param rows: Rows read.
    :param imported: Rows imported.
    :param dropped: Rows dropped, by reason.
    :param repaired: Imported rows with a repair, by column and repair.
    :param lost: Negatives dropped, by reason.
    :param without_negatives: Imported rows without negatives.
    :param without_answer: Imported text-only rows whose positive does not contain any of their answers.
    :param datasets: Imported rows, by value of column ``dataset``.
    :param archives: Rows dropped because of an archive of images, by its name and what is wrong with it.
    """

    rows: int
    imported: int
    dropped: dict[str, int]
    repaired: dict[str, dict[str, int]]
    lost: dict[str, int]
    without_negatives: int
    without_answer: int
    datasets: dict[str, int] = field(default_factory=dict)
    archives: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the report as lines of text for display."""
        lines = [
            f"{self.imported} of {self.rows} rows imported; {self.without_negatives} without negatives; "
            f"{self.without_answer} with a positive that does not contain an answer",
            f"rows dropped: {listed(self.dropped)}",
            f"negatives dropped: {listed(self.lost)}",
        ]
        lines += [f"repaired {column}: {listed(counts)}" for column, counts in self.repaired.items()]
        lines += [f"{archive}: {counted(count, 'row')} dropped" for archive, count in self.archives.items()]
        return "\n".join(lines)


def repair_report(outcomes: Iterable[ImportedRow | Drop]) -> RepairReport:
    """Return the counts of an importer's output."""
    rows: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    datasets: Counter[str] = Counter()
    archives: Counter[str] = Counter()
    repaired: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        rows["rows"] += 1
        if isinstance(outcome, Drop):
            dropped[outcome.reason] += 1
            archive = outcome.detail.partition(": ")[0]
            if archive.endswith((f".zip {BROKEN}", f".zip {MISSING}", f" {UNREAD}")):
                archives[archive] += 1
            continue
        datasets[outcome.dataset] += 1
        rows["without_negatives"] += not outcome.negatives
        rows["without_answer"] += _lacks_answer(outcome)
        lost.update(note.reason for note in outcome.notes)
        for column, repair in set(outcome.repairs):
            repaired.setdefault(column, Counter())[repair] += 1
    return RepairReport(
        rows=rows["rows"],
        imported=datasets.total(),
        dropped=dict(sorted(dropped.items())),
        repaired={column: dict(sorted(counts.items())) for column, counts in sorted(repaired.items())},
        lost=dict(sorted(lost.items())),
        without_negatives=rows["without_negatives"],
        without_answer=rows["without_answer"],
        datasets=dict(sorted(datasets.items())),
        archives=dict(sorted(archives.items())),
    )


def _lacks_answer(row: ImportedRow) -> bool:
    wanted = searchable_answers(row.answers)
    return bool(wanted) and not row.positive.images and not contains_answer(plain_text(row.positive.text), wanted)
