"""Check that the key stands as often at one position as at another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nyxqa.builders.check.dataset import Examined

if TYPE_CHECKING:
    import duckdb

POSITIONS = 4
# 99.99 % quantile of chi-square with 3 degrees of freedom: one balanced split in 10,000 exceeds it.
MOST_CHI_SQUARE = 21.108
# Ten expected at each position; the approximation by chi-square asks for at least five.
LEAST_QUESTIONS = 40


def check_labels(db: duckdb.DuckDBPyConnection, examined: Examined) -> None:
    """Chi-square of the labels of each split with enough questions."""
    if not examined.ready(("qa",), "label_balance"):
        return
    query = "SELECT split, label, count(*) FROM qa WHERE label BETWEEN 0 AND 3 GROUP BY ALL ORDER BY ALL"
    counts: dict[str, list[int]] = {}
    for split, label, count in db.execute(query).fetchall():
        counts.setdefault(split, [0] * POSITIONS)[label] = count
    judged = {split: found for split, found in counts.items() if sum(found) >= LEAST_QUESTIONS}
    if not judged:
        examined.findings.skip(f"no split has {LEAST_QUESTIONS} questions", "label_balance")
    for split, found in judged.items():
        if (value := chi_square(found)) > MOST_CHI_SQUARE:
            told = f"qa {split}: labels {found}, chi-square {value:.1f}, at most {MOST_CHI_SQUARE}"
            examined.findings.fail("label_balance", told)


def chi_square(counts: list[int]) -> float:
    """Pearson's statistic of ``counts`` against equal shares."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)
