"""The result of an evaluation, and the files it is written to, with line charts as SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from nyxqa.builders.formatting import text_table
from nyxqa.schemas.files import write_bytes

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 640, 320, 48, 28, 40, 190
# Colours of Okabe and Ito, which colour-blind readers can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#999999")
FOLDER = "evaluation"
_SHOWN = (
    "precision@1",
    "golden@1",
    "recall@1",
    "recall@10",
    "mrr",
    "ndcg@10",
    "accuracy",
    "em",
    "f1",
    "nugget_recall",
    "abstained",
)


@dataclass(frozen=True)
class Evaluation:
    """Figures of an evaluation, as JSON types.

    :param folder: Folder that they are written to.
    :param name: Stem of the files.
    :param report: The figures as Markdown.
    :param pictures: Plots by file name, SVG.
    """

    folder: Path
    name: str
    figures: Mapping[str, Any]
    report: str = ""
    pictures: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        """A part of the figures."""
        return self.figures[key]

    @property
    def file(self) -> Path:
        """The JSON file."""
        return self.folder / f"{self.name}.json"

    def text(self) -> str:
        """A table for a terminal."""
        systems: Sequence[Mapping[str, Any]] = self.figures["systems"]
        shown = [name for name in _SHOWN if any(name in one for one in systems)]
        rows = [
            (one["system"], one["dim"] or "-", *(f"{one[name]:.4f}" if name in one else "-" for name in shown))
            for one in systems
        ]
        table = text_table(("system", "dim", *shown), rows, set(range(1, 2 + len(shown))))
        return "\n".join([*table, f"written to {self.file} and {self.file.with_suffix('.md').name}"]) + "\n"

    def json(self) -> str:
        """One JSON object on one line."""
        return json.dumps({"evaluation": self.name, **self.figures}, ensure_ascii=False) + "\n"

    def write(self) -> None:
        """Write JSON, Markdown and plots; a file that would not change is left as it is."""
        _write(self.file, json.dumps(self.figures, ensure_ascii=False, indent=1) + "\n")
        _write(self.file.with_suffix(".md"), self.report)
        for name, picture in self.pictures.items():
            _write(self.folder / name, picture)


def _write(file: Path, text: str) -> None:
    data = text.encode()
    if not file.exists() or file.read_bytes() != data:
        write_bytes(file, data)


def plots(figures: Mapping[str, Any], name: str) -> dict[str, str]:
    """SVG texts by file name: recall over rank, answers over documents, and figures over prefix length."""
    drawn = {
        f"{name}-recall.svg": chart("Recall by rank", "rank", _recall(figures)),
        f"{name}-answers.svg": chart("Right answers by documents before the question", "documents", _answers(figures)),
        f"{name}-dims.svg": chart("Golden document on top by prefix length", "numbers", _dims(figures)),
    }
    return {file: picture for file, picture in drawn.items() if picture}


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['system']} ({row['dim']})" if row["dim"] else str(row["system"])


def _recall(figures: Mapping[str, Any]) -> dict[str, Points]:
    return {
        _label(row): sorted((float(key[7:]), value) for key, value in row.items() if key.startswith("recall@"))
        for row in figures["systems"]
        if "mrr" in row
    }


def _answers(figures: Mapping[str, Any]) -> dict[str, Points]:
    found: dict[str, Points] = {}
    for row in figures["systems"]:
        points = [(float(k), one["correct"]) for k, one in row.get("by_k", {}).items() if "correct" in one]
        if len(points) > 1:
            found[_label(row)] = sorted(points)
    return found


def _dims(figures: Mapping[str, Any]) -> dict[str, Points]:
    found: dict[str, list[tuple[float, float]]] = {}
    for row in figures["systems"]:
        if row["dim"] and "golden@1" in row:
            found.setdefault(row["system"], []).append((float(row["dim"]), row["golden@1"]))
    return {system: sorted(points) for system, points in found.items() if len(points) > 1}


def chart(title: str, axis: str, series: Mapping[str, Points]) -> str:
    """A chart of shares over the values of an axis, at even steps; "" without a series."""
    steps = sorted({x for points in series.values() for x, _ in points})
    if not steps:
        return ""
    body = "\n".join([*_frame(title, axis, steps), *_curves(series, steps)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="sans-serif" font-size="12" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _x(number: int, count: int) -> float:
    width = _WIDTH - _LEFT - _LEGEND
    return round(_LEFT + (width / 2 if count == 1 else number * width / (count - 1)), 1)


def _y(share: float) -> float:
    return round(_TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _frame(title: str, axis: str, steps: Sequence[float]) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(title)}</text>'
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield f'<path d="M{_LEFT} {_y(share)}H{_WIDTH - _LEGEND}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{_y(share) + 4}" text-anchor="end">{share:g}</text>'
    for number, step in enumerate(steps):
        yield f'<text x="{_x(number, len(steps))}" y="{_y(0) + 16}" text-anchor="middle">{step:g}</text>'
    middle = (_LEFT + _WIDTH - _LEGEND) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(axis)}</text>'


def _curves(series: Mapping[str, Points], steps: Sequence[float]) -> Iterator[str]:
    for number, (label, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [(_x(steps.index(x), len(steps)), _y(y)) for x, y in points]
        path = " ".join(f"{x},{y}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in places:
            yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
        height = _TOP + 12 + 18 * number
        yield f'<rect x="{_WIDTH - _LEGEND + 16}" y="{height - 9}" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{_WIDTH - _LEGEND + 32}" y="{height}">{escape(label)}</text>'
