"""The numbers of a report on a dataset, each with the SQL that gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.engine.database import database
from nyxqa.builders.engine.trace import read_trace
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.builders.formatting import shortened
from nyxqa.builders.report import queries
from nyxqa.builders.report.check_report import TRAINING_SIGNAL, is_about, read_report
from nyxqa.builders.report.lines import explained, probe_line, shortfall_lines
from nyxqa.builders.report.unfinished import add_funnel
from nyxqa.builders.report.views import add_views
from nyxqa.builders.report.working_texts import one_line, working_texts
from nyxqa.schemas.loading.published import Published, open_published
from nyxqa.schemas.manifest import WORK, Manifest, StageEntry

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TEXT = 240  # characters of an example
EXAMPLES = 3  # of the items dropped for one reason
MOST_BINS = 24
_MEASURED = ("shuffled", "bm25")  # what the training signal is compared with


@dataclass(frozen=True)
class Histogram:
    """Counts of equal bins, empty ones included.

    :param labels: What each bin holds.
    :param sql: The query that counts them by number of the bin, from 0; from -1 where ``below`` is set.
    :param below: Rows below the first bin.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    sql: str
    below: int = 0

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(self.counts) + self.below


@dataclass(frozen=True)
class Example:
    """A dropped item.

    :param text: Its text, where the working rows of the build still have it.
    """

    item_id: str
    parent_id: str
    detail: str
    text: str


@dataclass(frozen=True)
class Reason:
    """Ledger rows of one stage, reason and type of item, over all splits.

    :param counted: Whether they are items of the stage; otherwise they are parts of items that live on.
    """

    stage: str
    reason: str
    item_type: str
    count: int
    counted: bool
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Signal:
    """What training on the dataset gave, as ``nyxqa check`` measured it.

    :param metric: Name of the metric, in lower case.
    :param trained: Mean after training on the data; ``shuffled`` and ``bm25`` likewise.
    :param gain: Gain over shuffled positives: mean, low and high end of the 95 % interval.
    :param over_bm25: Gain over BM25: mean, low and high.
    """

    model: str
    metric: str
    questions: int
    trained: float
    shuffled: float
    bm25: float
    gain: tuple[float, float, float]
    over_bm25: tuple[float, float, float]


@dataclass(frozen=True)
class Difficulty:
    """How well the miner finds the positives of one dataset's split.

    :param found: Triplets whose positive was retrieved at all.
    :param first: Triplets whose positive has rank 1.
    :param mrr: Mean of 1 / rank, 0 for what was not retrieved.
    """

    dataset: str
    split: str
    triplets: int
    found: int
    first: int
    mrr: float


@dataclass(frozen=True)
class Numbers:
    """All that a report in HTML shows.

    :param triplets: By split and dataset.
    :param documents: By pool, split and kind.
    :param verified: Questions with evidence, and all questions.
    :param holding: By dataset: triplets of which a negative holds the answer, and those that were searched.
    :param stages: The funnel, a row for each stage and split.
    :param signal: None if it was not measured on these bytes; ``unmeasured`` then says why.
    :param leaks: The certificate: counts of what must not be, by check.
    :param lacks: Lines on what was asked for and lacks.
    """

    source: str
    seed: int
    version: str
    size: int
    model: str
    triplets: Mapping[tuple[str, str], int]
    documents: Mapping[tuple[str, str, str], int]
    questions: Mapping[tuple[str, str], int]
    images: int
    verified: tuple[int, int]
    holding: Mapping[str, tuple[int, int]]
    signal: Signal | None
    unmeasured: str
    leaks: Mapping[str, int]
    stages: Sequence[StageEntry]
    reasons: Sequence[Reason]
    tokens: Histogram
    images_of_document: Histogram
    gaps: Histogram
    ranks: Histogram
    negatives: Mapping[int, int]
    difficulty: Sequence[Difficulty]
    lacks: Sequence[str]
    deviations: Sequence[str]
    probe: str
    usage: Mapping[str, int]
    versions: Mapping[str, str]


def compute_numbers(out: Path) -> Numbers:
    """The numbers of the dataset in ``out``.

    :raises FormatError: If there is no dataset, or it does not match its manifest.
    """
    published = open_published(out)
    manifest = published.manifest
    signal, unmeasured = _signal(out)
    with database(scratch_folder(out)) as db:
        add_views(db, published)
        add_funnel(db, manifest.stages)
        return Numbers(
            source=_source(manifest),
            seed=manifest.seed,
            version=manifest.versions.get("nyxqa", ""),
            size=sum((out / path).stat().st_size for path in manifest.files),
            model=str(manifest.recipe.get("vlm", {}).get("model", "")),
            **_counts(db),
            **_distributions(db),
            signal=signal,
            unmeasured=unmeasured,
            leaks=manifest.certificate,
            stages=manifest.stages,
            reasons=_reasons(db, published),
            lacks=shortfall_lines(manifest),
            deviations=manifest.deviations,
            probe=probe_line(manifest.summary.get("probe", {})),
            usage=manifest.usage,
            versions=manifest.versions,
        )


def _source(manifest: Manifest) -> str:
    web = manifest.recipe.get("web")
    return str(web.get("source", "")) if isinstance(web, Mapping) else ""


def _counts(db: DuckDBPyConnection) -> dict[str, Any]:
    def rows(query: str) -> list[Any]:
        return db.execute(query).fetchall()

    return {
        "triplets": {(split, dataset): count for split, dataset, count in rows(queries.TRIPLETS)},
        "documents": {(pool, split, kind): count for pool, split, kind, count in rows(queries.DOCUMENTS)},
        "questions": {(split, dataset): count for split, dataset, count in rows(queries.QUESTIONS)},
        "images": rows(queries.IMAGES)[0][0],
        "verified": rows(queries.EVIDENCE)[0],
        "holding": {dataset: (holding, searched) for dataset, holding, searched in rows(queries.HOLDING)},
        "negatives": dict(rows(queries.NEGATIVES)),
        "difficulty": [Difficulty(*row) for row in rows(queries.DIFFICULTY)],
    }


def _distributions(db: DuckDBPyConnection) -> dict[str, Any]:
    gaps = dict(db.execute(queries.GAPS).fetchall())
    ranks = dict(db.execute(queries.RANKS).fetchall())
    edges = [queries.GAP_WIDTH * number for number in range(queries.GAP_BINS)]
    return {
        "tokens": _histogram(db, "n_tokens"),
        "images_of_document": _histogram(db, "len(image_ids)"),
        "gaps": Histogram(
            tuple(f"{low:.2f} to {low + queries.GAP_WIDTH:.2f}" for low in edges),
            tuple(gaps.get(number, 0) for number in range(queries.GAP_BINS)),
            queries.GAPS,
            gaps.get(-1, 0),
        ),
        "ranks": Histogram(
            queries.RANK_BINS, tuple(ranks.get(number, 0) for number in range(len(queries.RANK_BINS))), queries.RANKS
        ),
    }


def _histogram(db: DuckDBPyConnection, column: str) -> Histogram:
    """Documents by a column of whole numbers; the last percent shares a bin if it lies far out."""
    range_of = f"SELECT quantile_disc({column}, 0.99), max({column}) FROM corpus"  # noqa: S608
    usual, largest = db.execute(range_of).fetchall()[0]
    bins = queries.bins_for(usual or 0, largest or 0, MOST_BINS)
    sql = bins.query(column, "corpus")
    counts = dict(db.execute(sql).fetchall())
    numbers = range(bins.last + 1) if counts else range(0)
    return Histogram(tuple(map(bins.label, numbers)), tuple(counts.get(number, 0) for number in numbers), sql)


def _reasons(db: DuckDBPyConnection, published: Published) -> list[Reason]:
    units = {(entry.name, entry.unit_in) for entry in published.manifest.stages}
    examples: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {}
    for stage, reason, item_type, *example in db.execute(queries.examples(EXAMPLES)).fetchall():
        examples.setdefault((stage, reason, item_type), []).append((example[0], example[1], example[2]))
    work = published.folder / WORK
    types = {item_id: key[2] for key, own in examples.items() for item_id, _, _ in own}
    texts = working_texts(read_trace(work)[0], work, types)
    return [
        Reason(
            *key,
            count,
            (key[0], key[2]) in units,
            tuple(_example(key[1], *row, texts.get(row[0], {})) for row in examples[key]),
        )
        for *name, count in db.execute(queries.DROPS).fetchall()
        if (key := (name[0], name[1], name[2]))
    ]


def _example(reason: str, item_id: str, parent_id: str, detail: str, texts: Mapping[str, str]) -> Example:
    return Example(item_id, parent_id, explained(reason, detail), shortened(one_line(texts), _TEXT))


def _signal(out: Path) -> tuple[Signal | None, str]:
    """The training signal of ``report.json``, or why there is none."""
    report = read_report(out)
    if report is None:
        return None, "not measured yet; run nyxqa check"
    if not is_about(report, out):
        return None, "measured on other data; run nyxqa check"
    measured = report.get(TRAINING_SIGNAL)
    if not measured:
        findings = (one for one in report.get("findings", []) if one.get("name") == TRAINING_SIGNAL)
        return None, next((str(one.get("reason", "")) for one in findings), "not measured")
    metric = measured["judged"]
    shuffled, bm25 = (measured["gains"][name][metric] for name in _MEASURED)
    means = {name: measured["means"][name][metric] for name in ("data", *_MEASURED)}
    gain, over = ((one["mean"], one["low"], one["high"]) for one in (shuffled, bm25))
    questions = measured["questions"]
    return Signal(measured["model"], metric, questions, means["data"], means["shuffled"], means["bm25"], gain, over), ""
