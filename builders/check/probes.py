"""Shortcuts: no probe that lacks the question, the document or the images may tell answers or negatives apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.qa.options_probe import ProbeItem, probe_options
from nyxqa.builders.qa.shortcut_probes import (
    SEED,
    OptionItem,
    PairItem,
    Probe,
    probe_image,
    probe_length,
    probe_negatives,
    probe_position,
    probe_question,
    sample_items,
)
from nyxqa.schemas.content import plain_text

if TYPE_CHECKING:
    import duckdb

# A probe fails if the lower bound of its interval lies further above chance.
OPTION_MARGIN = 0.15
NEGATIVE_MARGIN = 0.15
PROBE_CHECKS = (
    "probe_options",
    "probe_question",
    "probe_image",
    "probe_position",
    "probe_length",
    "probe_negatives",
)
_BATCH = 10_000
_OPTIONS = """
SELECT qa.qa_id, qa.doc_id, qa.question, qa.choices, qa.label, list_filter(
    list_transform(qa.image_ids, lambda i: list_extract(image_phashes, list_position(corpus.image_ids, i))),
    lambda p: p IS NOT NULL)
FROM (SELECT * FROM qa WHERE label >= 0 AND label < len(choices) AND len(choices) > 1) qa
LEFT JOIN corpus ON corpus.pool = qa.pool AND corpus.doc_id = qa.doc_id
"""
_PAIRS = """
SELECT query_id, pair.doc_id, text, len(image_ids), positive
FROM (SELECT query_id, pool, positive_id AS doc_id, true AS positive FROM triplets WHERE len(negative_ids) > 0
      UNION ALL
      SELECT query_id, pool, negative_ids[1 + ('0x' || left(query_id, 7))::BIGINT % len(negative_ids)], false
      FROM triplets WHERE len(negative_ids) > 0) pair
JOIN corpus ON corpus.pool = pair.pool AND corpus.doc_id = pair.doc_id
"""


def measure_probes(db: duckdb.DuckDBPyConnection) -> dict[str, Probe | None]:
    """Every probe by the name of its check; None where there are too few items.

    :param db: Has the views ``qa``, ``triplets`` and ``corpus`` of the dataset.
    """
    items = sample_items(_option_items(db))
    found = probe_options((ProbeItem(one.key, one.document, one.choices, one.label) for one in _even(items)), SEED)
    names = ("accuracy", "low", "high", "chance")
    options = Probe(int(found["questions"]), *(float(found[name]) for name in names)) if "accuracy" in found else None
    probes: dict[str, Callable[[list[OptionItem]], Probe | None]] = {
        "probe_question": probe_question,
        "probe_image": probe_image,
        "probe_position": probe_position,
        "probe_length": probe_length,
    }
    measured = {name: probe(items) for name, probe in probes.items()}
    return {"probe_options": options, **measured, "probe_negatives": probe_negatives(sample_items(_pair_items(db)))}


def check_probes(context: CheckContext) -> None:
    """Measure every probe; one that beats chance by more than its margin fails."""
    if context.incomplete:
        context.findings.skip(f"null where no null may be, in {min(context.incomplete)}", *PROBE_CHECKS)
        return
    if not context.ready(("qa", "triplets", "corpus"), *PROBE_CHECKS):
        return
    for name, probe in measure_probes(context.db).items():
        if probe is None:
            context.findings.skip("too few questions", name)
            continue
        what = "AUC" if name == "probe_negatives" else "accuracy"
        figures = f"{probe.value:.3f} ({probe.low:.3f} to {probe.high:.3f})"
        line = f"{what} {figures} on {probe.items} items, chance {probe.chance:.2f}"
        if probe.low > probe.chance + (NEGATIVE_MARGIN if name == "probe_negatives" else OPTION_MARGIN):
            context.findings.fail(name, line)
        else:
            context.findings.note(name, line)


def _even(items: list[OptionItem]) -> list[OptionItem]:
    """Those of the number of options that most have."""
    sizes = [len(one.choices) for one in items]
    most = max(sizes, key=lambda size: (sizes.count(size), size), default=0)
    return [one for one in items if len(one.choices) == most]


def _option_items(db: duckdb.DuckDBPyConnection) -> Iterator[OptionItem]:
    for key, document, question, choices, label, phashes in _rows(db, _OPTIONS):
        yield OptionItem(key, document, plain_text(question), phashes or [], choices, label)


def _pair_items(db: duckdb.DuckDBPyConnection) -> Iterator[PairItem]:
    for query, document, text, images, positive in _rows(db, _PAIRS):
        yield PairItem(f"{query}/{document}", document, plain_text(text), images, positive)


def _rows(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    result = db.execute(query)
    while rows := result.fetchmany(_BATCH):
        yield from rows
