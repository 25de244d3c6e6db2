"""What verdicts say about a split: the share of right rows, agreement, and verdicts on rows that have changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.formatting import counted
from nyxqa.builders.qa.options_probe import wilson_interval
from nyxqa.builders.report.agreement import CATEGORIES, agreement
from nyxqa.schemas.verdicts import ACCEPT, Key, Reviews

Stratum = tuple[str, str]  # dataset and kind


@dataclass(frozen=True)
class ReviewableRow:
    """A row before rejected ones leave.

    :param stratum: Dataset and kind, by which estimates are weighted.
    :param seen: Its ``row_hash``; empty where no verdict names the row.
    :param judged: Documents that a reviewer sees, with whether the judge said that they answer.
    :param found: Those of them that are positives because the judge found them.
    """

    key: Key
    stratum: Stratum
    seen: str
    judged: tuple[tuple[str, bool], ...] = ()
    found: frozenset[str] = frozenset()


def counted_rows(reviews: Reviews, rows: Iterable[ReviewableRow]) -> tuple[dict[Key, ReviewableRow], Counter[Stratum]]:
    """The rows that verdicts name, and the number of all rows by stratum."""
    named = {key for own in reviews.values() for key in own}
    sizes: Counter[Stratum] = Counter()
    there: dict[Key, ReviewableRow] = {}
    for row in rows:
        sizes[row.stratum] += 1
        if row.key in named:
            there.setdefault(row.key, row)
    return there, sizes


def review_figures(
    reviews: Reviews, there: Mapping[Key, ReviewableRow], sizes: Mapping[Stratum, int]
) -> dict[str, Any]:
    """The figures of one split, as JSON types.

    :param reviews: Verdicts by reviewer and row.
    :param there: The rows that they name, as they enter stage ``review``.
    :param sizes: Number of all rows of the split by stratum.
    """
    answers: dict[Key, dict[str, str]] = {}
    drawn: set[Key] = set()
    relevant: dict[Key, set[str]] = {}
    changed = 0
    for reviewer, own in reviews.items():
        for key, verdict in own.items():
            if key not in there or there[key].seen != verdict.seen:
                changed += 1
                continue
            answers.setdefault(key, {})[reviewer] = verdict.verdict
            relevant.setdefault(key, set()).update(verdict.relevant)
            if verdict.drawn:
                drawn.add(key)
    decided = {key: {who: said for who, said in own.items() if said in CATEGORIES} for key, own in answers.items()}
    right = {key: _is_right(own) for key, own in decided.items() if own}
    return {
        "reviewers": len(reviews),
        "verdicts": sum(map(len, reviews.values())),
        "changed": changed,
        "rows": len(answers),
        "unsure": sum(not own for own in decided.values()),
        "conflicts": sum(len(set(own.values())) > 1 for own in decided.values()),
        "relevant": sum(map(len, relevant.values())),
        "drawn": estimate({key: value for key, value in right.items() if key in drawn}, there, sizes),
        "agreement": agreement(decided.values()),
        **_judge_figures([(there[key], relevant[key]) for key, value in right.items() if value and key in drawn]),
    }


def _judge_figures(rows: Sequence[tuple[ReviewableRow, Collection[str]]]) -> dict[str, Any]:
    """How often the judge and reviewers agree on documents: rates by kind of row, and counts by dataset.

    A reviewer who accepts a row says that its judged positives answer, and that negatives answer only where marked.

    :param rows: Accepted rows that chance drew, each with its marked negatives.
    """
    counts: dict[str, Counter[tuple[bool, bool]]] = {}
    datasets: dict[str, Counter[tuple[bool, bool]]] = {}
    for row, marked in rows:
        dataset, kind = row.stratum
        for doc_id, answers in row.judged:
            is_answer = doc_id in marked or doc_id in row.found
            for group in (counts.setdefault(kind, Counter()), datasets.setdefault(dataset, Counter())):
                group[is_answer, answers] += 1
    return {
        "judge": {
            kind: {
                "sensitivity": _rate(count[True, True], count[True, False]),
                "specificity": _rate(count[False, False], count[False, True]),
            }
            for kind, count in sorted(counts.items())
        },
        "judge_reviewed": {
            dataset: {
                "answering": count[True, True] + count[True, False],
                "found": count[True, True],
                "others": count[False, False] + count[False, True],
                "mistaken": count[False, True],
            }
            for dataset, count in sorted(datasets.items())
        },
    }


def _rate(hits: int, misses: int) -> dict[str, Any] | None:
    total = hits + misses
    if not total:
        return None
    low, high = wilson_interval(hits, total)
    return {"right": hits, "documents": total, "share": round(hits / total, 6), "low": low, "high": high}


def _is_right(answers: Mapping[str, str]) -> bool:
    """Whether more reviewers accept a row than reject it."""
    return 2 * sum(answer == ACCEPT for answer in answers.values()) > len(answers)


def estimate(
    right: Mapping[Key, bool], rows: Mapping[Key, ReviewableRow], sizes: Mapping[Stratum, int]
) -> dict[str, Any] | None:
    """The share of right rows among drawn ones, weighted by the sizes of their strata; None without any.

    Wilson's interval for as many rows as the weights leave effective (Kish 1965). Strata without a drawn row are left
    out of the weights and counted.
    """
    if not right:
        return None
    count = Counter(rows[key].stratum for key in right)
    hits = Counter(rows[key].stratum for key, value in right.items() if value)
    total = sum(sizes[stratum] for stratum in count)
    weights = {stratum: sizes[stratum] / total for stratum in count}
    share = sum(weights[stratum] * hits[stratum] / count[stratum] for stratum in count)
    effective = 1 / sum(weights[stratum] ** 2 / count[stratum] for stratum in count)
    low, high = wilson_interval(share * effective, effective)
    missing = sum(size for stratum, size in sizes.items() if stratum not in count)
    numbers = {"share": share, "low": low, "high": high}
    return {
        "right": sum(right.values()),
        "rows": len(right),
        **{name: round(value, 6) for name, value in numbers.items()},
        "not_covered": missing,
    }


def review_lines(figures: Mapping[str, Any]) -> list[str]:
    """The figures of one split in a few lines."""
    lines = []
    if drawn := figures["drawn"]:
        text = f"{drawn['right']} of {drawn['rows']} drawn right: {_share(drawn, 'share')}"
        if drawn["not_covered"]:
            text += f"; {counted(drawn['not_covered'], 'row')} of kinds of which none was drawn do not count"
        lines.append(text)
    if figures["agreement"] is not None:
        lines.append(agreement_line(figures["agreement"]))
    for kind, rates in figures.get("judge", {}).items():
        told = [
            f"{name} {rate['right']} of {rate['documents']}: {_share(rate, 'share')}"
            for name, rate in rates.items()
            if rate
        ]
        lines.append(f"the judge against reviewers, {kind}: {', '.join(told)}")
    numbers = {"conflict": "conflicts", "negative that answers too": "relevant"}
    lines += [counted(figures[key], name) for name, key in numbers.items() if figures[key]]
    if figures["changed"]:
        lines.append(f"{counted(figures['changed'], 'verdict')} on rows that have changed since, not applied")
    return lines


def agreement_line(found: Mapping[str, Any]) -> str:
    """How far reviewers agree, in one line."""
    parts = [f"raw {_share(found['raw'], 'value')}", f"Gwet's AC1 {_number(found['ac1'])}"]
    parts.append(f"{found['kappa_of']}'s kappa {_number(found['kappa'])}")
    both = f"{counted(found['rows'], 'row')} by two or more of {counted(found['reviewers'], 'reviewer')}"
    return f"agreement on {both}: {', '.join(parts)}"


def _share(one: Mapping[str, float], key: str) -> str:
    return f"{100 * one[key]:.1f} % ({100 * one['low']:.1f} to {100 * one['high']:.1f})"


def _number(one: Mapping[str, float] | None) -> str:
    return "has no value" if one is None else f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"
