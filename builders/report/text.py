"""The report as text for a terminal of 100 columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from textwrap import fill

from nyxqa.builders.formatting import shortened, text_table
from nyxqa.builders.report.lines import explained, feedback_lines
from nyxqa.builders.report.report import Report
from nyxqa.builders.report.set_reports import report_texts
from nyxqa.builders.report.table_counts import QUANTILES, Drops, TripletCounts
from nyxqa.builders.report.unfinished import UnfinishedReport, funnel_lines
from nyxqa.builders.report.visible import visible
from nyxqa.schemas.content import KINDS
from nyxqa.schemas.manifest import StageEntry

WIDTH = 100
_TYPE_COLUMNS = ("type", "kind", "outcome", "split", "questions")
_DROPS = "DROPS (in brackets: parts of items that are kept)"


def render(report: Report) -> str:
    """The whole report; only a single longer id or path makes a line longer than ``WIDTH``."""
    return visible("\n\n".join("\n".join(section) for section in _sections(report)) + "\n")


def render_unfinished(report: UnfinishedReport) -> str:
    """What is known of a build that published nothing."""
    ended = report.ended or "it was stopped before it could say why, or it still runs"
    sections = [
        [*_wrapped(f"the build in {report.out} published nothing: {ended}")],
        ["FUNNEL", *(part for line in funnel_lines(report) for part in _wrapped(line, "    ", "  "))],
        ["STAGES", *_funnel(report.stages)],
        [_DROPS, *_drops(report.drops)],
    ]
    if report.examples:
        sections.append(["EXAMPLES OF WHAT WAS DROPPED LAST", *_examples(report.examples)])
    return visible("\n\n".join("\n".join(section) for section in sections) + "\n")


def _examples(examples: Sequence[Mapping[str, str]]) -> list[str]:
    lines = []
    for example in examples:
        why = ": ".join(part for part in (example["reason"], example["detail"]) if part)
        lines.append(f"  {example['item_type']} {example['item_id']} ({why})")
        for name in ("title", "text", "question", "answer"):
            if example.get(name):
                lines += _wrapped(f"{name}: {shortened(' '.join(example[name].split()), 3 * WIDTH)}", " " * 6, " " * 4)
    return lines


def as_json_text(report: Report) -> str:
    """The report as one JSON object."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n"


def _sections(report: Report) -> Iterator[list[str]]:
    size = f"{report.files} files, {report.bytes / 1e6:.1f} MB"
    yield [
        *_wrapped(f"dataset {report.out}"),
        *_wrapped(f"source {report.source or 'none'}, seed {report.seed}, {size}"),
    ]
    yield ["STAGES", *_funnel(report.stages)]
    yield [_DROPS, *_drops(report.drops)]
    yield ["ROWS BY KIND", *_kinds(report)]
    if report.shortfalls:
        yield ["SHORTFALLS (fewer than the recipe wants)", *_items(report.shortfalls)]
    if report.triplets:
        yield ["TRIPLETS", *_triplets(report)]
    yield from _sets(report)
    if report.feedback:
        yield ["FEEDBACK", *(part for line in feedback_lines(report.feedback) for part in _wrapped(line, "    ", "  "))]
    if report.verify:
        yield ["VERIFY", *(f"  {split}: {state}" for split, state in report.verify.items())]
    if report.evidence:
        yield ["EVIDENCE BY KIND", *_evidence(report)]
    if report.types:
        yield ["QUESTIONS BY TYPE", *_types(report)]
    if report.difficulty:
        yield ["DIFFICULTY", *(part for line in report.difficulty for part in _wrapped(line, "    ", "  "))]
    yield ["JUDGED NEGATIVES", *(part for line in report.judged for part in _wrapped(line, "    ", "  "))]
    yield ["OPTIONS-ONLY PROBE (accuracy of guessing the key without the question)", *_wrapped(report.probe, "  ")]
    yield ["CERTIFICATE (leaks between splits)", *_pairs(report.certificate, "no checks were run")]
    yield ["DEVIATIONS FROM THE PAPER", *_items(report.deviations)]
    if any(report.usage.values()):
        yield ["MODEL USAGE", *_pairs(report.usage, "")]
    if report.revisions:
        yield ["REVISIONS", *(f"  {name}: {revision}" for name, revision in report.revisions.items())]
    yield ["VERSIONS", *_wrapped(", ".join(f"{name} {version}" for name, version in report.versions.items()), "  ")]


def _sets(report: Report) -> Iterator[list[str]]:
    """A section for each question set and import, and one for questions that occur in two splits."""
    for name, text in report_texts({"mining": report.mining, "repairs": report.repairs}).items():
        lines = [part for line in text.splitlines() for part in _as_is_or_wrapped(line)]
        yield [f"{'MINING' if name in report.mining else 'IMPORT'} {name}", *lines]
    if report.overlaps:
        pairs = {f"{one} {pair}": count for one, counts in report.overlaps.items() for pair, count in counts.items()}
        yield ["EQUAL QUESTIONS IN TWO SPLITS", *_pairs(pairs, "")]


def _as_is_or_wrapped(line: str) -> list[str]:
    """Lines that fit are kept as they are, so that columns stay aligned."""
    return [f"  {line}"] if len(line) + 2 <= WIDTH else _wrapped(line, "    ", "  ")


def _funnel(stages: Sequence[StageEntry]) -> list[str]:
    head = ("stage", "split", "in", "", "dropped", "not sampled", "out", "", "seconds")
    rows = [
        (
            entry.name,
            entry.split,
            entry.rows_in,
            entry.unit_in,
            entry.dropped,
            entry.not_sampled,
            entry.rows_out,
            entry.unit_out,
            f"{entry.seconds:.1f}",
        )
        for entry in stages
    ]
    return _table(head, rows, numbers={2, 4, 5, 6, 8})


def _drops(drops: Sequence[Drops]) -> list[str]:
    if not drops:
        return ["  nothing was dropped"]
    lines = []
    stage = ""
    for drop in drops:
        label = f"{drop.stage} {drop.split}".strip()
        if label != stage:
            lines.append(f"  {label}")
            stage = label
        count = str(drop.count) if drop.counted else f"[{drop.count}]"
        lines.append(f"  {count:>8}  {drop.reason} ({drop.item_type}), such as {drop.example}")
        if drop.detail:
            lines += _wrapped(shortened(explained(drop.reason, drop.detail), 2 * WIDTH), " " * 12)
        if drop.text:
            lines += _wrapped(shortened(drop.text, 2 * WIDTH), " " * 12)
    return [*lines, "  the whole story of an item: nyxqa show ID"]


def _kinds(report: Report) -> list[str]:
    rows = [
        (
            " ".join(name for name in (counts.table, counts.part) if name),
            counts.split,
            *(counts.kinds.get(kind, 0) for kind in KINDS),
            sum(counts.kinds.values()),
        )
        for counts in report.counts
    ]
    return _table(("table", "split", *KINDS, "all"), rows, numbers={2, 3, 4, 5}) if rows else ["  no rows"]


def _triplets(report: Report) -> list[str]:
    head = ("dataset", "split", "positives", "retrieved", *(_quantile_name(q) for q in QUANTILES))
    rows = [(one.dataset, one.split, one.positives, one.retrieved, *_ranks(one)) for one in report.triplets]
    lines = ["  ranks of the positives in the miner's ranking", *_table(head, rows, numbers=set(range(2, 10)))]
    lines.append("  triplets by number of negatives")
    for one in report.triplets:
        numbers = ", ".join(f"{count} with {number}" for number, count in one.negatives.items())
        lines += _wrapped(f"{one.dataset} {one.split}: {numbers}", "    ")
    return lines


def _ranks(counts: TripletCounts) -> list[str]:
    return [str(rank) for rank in counts.ranks] or ["-"] * len(QUANTILES)


def _quantile_name(quantile: float) -> str:
    return {0.0: "min", 0.5: "median", 1.0: "max"}.get(quantile, f"{100 * quantile:.0f} %")


def _evidence(report: Report) -> list[str]:
    rows = [
        (outcome, split, *(kinds.get(kind, 0) for kind in KINDS), sum(kinds.values()))
        for split, outcomes in report.evidence.items()
        for outcome, kinds in outcomes.items()
    ]
    return _table(("outcome", "split", *KINDS, "all"), rows, numbers={2, 3, 4, 5})


def _types(report: Report) -> list[str]:
    rows = [tuple(row[name] for name in _TYPE_COLUMNS) for row in report.types]
    return _table(_TYPE_COLUMNS, rows, numbers={4})


def _pairs(values: Mapping[str, int], nothing: str) -> list[str]:
    return _table(("", ""), list(values.items()), numbers={1})[1:] if values else [f"  {nothing}"]


def _items(lines: Sequence[str]) -> list[str]:
    if not lines:
        return ["  none"]
    return [part for line in lines for part in _wrapped(line, "    ", "  - ")]


def _wrapped(line: str, indent: str = "", first: str | None = None) -> list[str]:
    initial = indent if first is None else first
    return fill(line, WIDTH, initial_indent=initial, subsequent_indent=indent, break_long_words=False).splitlines()


def _table(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: set[int]) -> list[str]:
    return text_table(head, rows, numbers, "  ")
