"""The report as one self-contained HTML page: no script, no picture file, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nyxqa.builders.report import queries
from nyxqa.builders.report.numbers import Numbers, Reason, compute_numbers
from nyxqa.builders.report.svg import band, bar, columns
from nyxqa.builders.report.visible import visible
from nyxqa.schemas.errors import NyxqaError, one_line
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.manifest import StageEntry
from nyxqa.schemas.tables import QA_SPLITS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

PAGE = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"
_MOST = 60  # rows of a table
_FEW = 0.95  # of the questions verified


@dataclass(frozen=True)
class Tile:
    """A figure at the head of the page.

    :param mood: ``good``, ``bad``, ``warn`` or "".
    :param sql: The queries behind it; none where it was measured.
    """

    name: str
    value: str
    unit: str
    text: str
    mood: str
    sql: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Stage:
    entry: StageEntry
    band: Markup
    fan_out: str


@dataclass(frozen=True)
class _Flow:
    title: str
    stages: list[_Stage]


def write_page(out: Path, target: Path | None = None) -> Path:
    """Write the report on the dataset in ``out``, and return where: ``report.html`` beside its manifest by default.

    A page that is there already, byte for byte, is left alone.

    :raises FormatError: If there is no dataset, or it does not match its manifest.
    :raises WorldError: If the file cannot be written.
    """
    page = render_page(compute_numbers(out)).encode("utf-8")
    path = out / PAGE if target is None else target
    if not (path.is_file() and path.read_bytes() == page):
        write_bytes(path, page)
    return path


def refresh_page(out: Path) -> str:
    """Write the page again after the dataset changed; returns a line where that is not possible, else "".

    The dataset is complete without it, so that what writes the dataset does not fail.
    """
    try:
        write_page(out)
    except (NyxqaError, OSError) as error:
        return f"{PAGE} was not written: {one_line(error)}"
    return ""


def render_page(numbers: Numbers) -> str:
    """The whole page."""
    from markupsafe import Markup

    template = _environment().get_template("report.html.jinja")
    return template.render(numbers=numbers, css=Markup(css()), body=render_body(numbers)) + "\n"  # noqa: S704 - ours


def css() -> str:
    """The style sheet of ``render_body``: its rules hold below the class ``report`` alone."""
    return (_TEMPLATES / "report.css").read_text(encoding="utf-8")


def render_body(numbers: Numbers, link: Callable[[Reason], str] | None = None) -> Markup:
    """The page's content, without style attributes, for a page with a style sheet of its own.

    :param link: Address of the rows that were dropped for a reason.
    """
    from markupsafe import Markup

    def reason_link(reason: Reason) -> str | Markup:
        if link is None:
            return reason.reason
        return Markup('<a href="{}">{}</a>').format(link(reason), visible(reason.reason))

    template = _environment().get_template("body.html.jinja")
    return Markup(template.render(**_context(numbers), reason_link=reason_link))  # noqa: S704 - escaped by the template


@cache
def _environment() -> Environment:
    """Templates that escape every value, and show the controls in it."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
    )


def _context(numbers: Numbers) -> dict[str, Any]:
    reasons = numbers.reasons
    signal = numbers.signal
    scores = [] if signal is None else [
        ("trained on it", signal.trained, "blue"),
        ("trained on shuffled positives", signal.shuffled, "orange"),
        ("BM25", signal.bm25, "violet"),
    ]  # fmt: skip
    pages = next((entry.rows_in for entry in numbers.stages if entry.unit_in == "page"), 0)
    return {
        "numbers": numbers,
        "queries": queries,
        "megabytes": f"{numbers.size / 1e6:,.1f}",
        "tiles": list(tiles(numbers)),
        "flows": list(_flows(numbers.stages)),
        "funnel_title": f"What became of {pages:,} pages" if pages else "What became of the rows",
        "dropped": sum(one.count for one in reasons),
        "parts": any(not one.counted for one in reasons),
        "most": _MOST,
        "triplet_count": max(sum(numbers.triplets.values()), 1),
        "triplets": list(numbers.triplets.items()),
        "documents": list(numbers.documents.items()),
        "scores": scores,
        "columns": columns,
        "bar": bar,
        "percent": _percent,
        "interval": _interval,
        "zip": zip,
    }


def tiles(numbers: Numbers) -> Iterator[Tile]:
    """The figures at the head: triplets, documents, leaks, training signal, evidence, negatives with the answer."""
    by_split = _summed(numbers.triplets)
    first = next((split for split in QA_SPLITS if split in by_split), "")
    others = " · ".join(f"{by_split[split]:,} {split}" for split in QA_SPLITS if split in by_split and split != first)
    text = f"{first} triplets" + (f" · {others}" if others else "")
    yield Tile("triplets", f"{by_split.get(first, 0):,}", "", text if first else "triplets", "", (queries.TRIPLETS,))
    pools = _summed(numbers.documents)
    web, *rest = sorted(pools, key=lambda pool: (pool != "web", pool)) or [""]
    added = sum(pools[pool] for pool in rest)
    unit = f"+ {added:,}" if rest else ""
    named = f"documents in {web}" + (f" + {', '.join(rest[:3])}{', ...' if len(rest) > 3 else ''}" if rest else "")
    documents = f"{named} · {numbers.images:,} images"
    yield Tile("documents", f"{pools.get(web, 0):,}", unit, documents, "", (queries.DOCUMENTS, queries.IMAGES))
    yield _leaks(numbers)
    yield _signal(numbers)
    yield _evidence(numbers)
    yield _holding(numbers)


def _leaks(numbers: Numbers) -> Tile:
    leaks, held = sum(numbers.leaks.values()), sum(not count for count in numbers.leaks.values())
    mood = "bad" if leaks else "good" if numbers.leaks else "warn"
    value = f"{leaks:,} leak{'' if leaks == 1 else 's'}" if numbers.leaks else "not checked"
    return Tile("leaks", value, "", f"{held} of {len(numbers.leaks)} checks between splits hold", mood)


def _signal(numbers: Numbers) -> Tile:
    signal = numbers.signal
    if signal is None:
        return Tile("signal", "no signal", "", f"{numbers.unmeasured}: whether training on it helps", "warn")
    mean, low, high = signal.gain
    text = (
        f"{signal.model} over shuffled positives ({low:+.2f} to {high:+.2f}): {signal.trained:.2f}; "
        f"BM25 {signal.bm25:.2f}"
    )
    return Tile("signal", f"{mean:+.2f}", signal.metric.upper(), text, "good" if low > 0 else "bad")


def _evidence(numbers: Numbers) -> Tile:
    verified, asked = numbers.verified
    if not verified:
        why = f"generator {numbers.model} cannot judge" if numbers.model == "extractive" else "stage verify was off"
        text = f"evidence of {asked:,} questions: {why}" if asked else "no questions"
        return Tile("evidence", "not verified", "", text, "warn", (queries.EVIDENCE,))
    mood = "good" if verified >= _FEW * asked else "warn"
    text = f"{verified:,} of {asked:,} questions need their evidence, as a model's answers show"
    return Tile("evidence", _percent(verified, asked), "", text, mood, (queries.EVIDENCE,))


def _holding(numbers: Numbers) -> Tile:
    holding = sum(one for one, _ in numbers.holding.values())
    searched = sum(every for _, every in numbers.holding.values())
    text = f"{holding:,} of {searched:,} triplets with answers have a negative that holds one, word for word"
    if not searched:
        return Tile("holding", "0", "", "triplets with answers and negatives", "", (queries.HOLDING,))
    return Tile("holding", _percent(holding, searched), "", text, "warn" if holding else "good", (queries.HOLDING,))


def _flows(stages: Sequence[StageEntry]) -> Iterator[_Flow]:
    """Stages of all splits, those of each split, and those of each question set or import."""

    def flow_of(entry: StageEntry) -> tuple[int, str]:
        if "." in entry.name:
            return len(QA_SPLITS) + 1, "question sets and imports"
        order = QA_SPLITS.index(entry.split) + 1 if entry.split in QA_SPLITS else 0
        return order, f"split {entry.split}" if entry.split else "all splits"

    for (_, title), own in groupby(sorted(stages, key=flow_of), flow_of):
        yield _Flow(title, [_stage(entry) for entry in own])


def _stage(entry: StageEntry) -> _Stage:
    rows = entry.rows_in or 1
    about = f"{entry.name}: {entry.rows_in:,} in, {entry.dropped:,} dropped, {entry.rows_out:,} out"
    fan_out = f"{entry.rows_out / entry.parents:.2f}" if entry.parents and entry.rows_out != entry.parents else ""
    return _Stage(entry, band(entry.parents / rows, entry.dropped / rows, about), fan_out)


def _summed(counts: Mapping[tuple[str, str], int] | Mapping[tuple[str, str, str], int]) -> dict[str, int]:
    """Counts by the first part of their key."""
    sums: dict[str, int] = {}
    for (first, *_), count in counts.items():
        sums[first] = sums.get(first, 0) + count
    return sums


def _percent(part: int, whole: int) -> str:
    """A share in percent, rounded, but never to 0 or 100 from anything else."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 1:
        return "< 1 %"
    return "> 99 %" if 99 < share < 100 else f"{share:.0f} %"


def _interval(values: tuple[float, float, float]) -> str:
    mean, low, high = values
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
