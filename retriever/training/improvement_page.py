"""A self-contained page about what a training gained: tables and bars with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.version import VERSION

Figures = Mapping[str, Any]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #d0d7de; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } th { text-align: left; }
p.verdict { font-weight: 600; } svg { max-width: 100%; } .muted { color: #57606a; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } th, td { border-color: #30363d; } }
"""
_WIDTH, _LABEL, _LINE = 640, 220, 26


def write_page(file: Path, figures: Figures) -> None:
    """Write the page in one atomic step."""
    write_bytes(file, "".join(_page(figures)).encode())


def _page(figures: Figures) -> Iterator[str]:
    title = f"Does training on {escape(figures['data'])} help?"
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>\n'
    yield f"<p>{figures['questions']} questions of split {escape(figures['split'])}, whose pages training did not see; "
    yield f"{figures['steps']} steps. Intervals: 95 %, bootstrap over groups of pages; gains paired by question.</p>"
    overall = [one for one in figures["gains"] if one["by"] == "all" and one["metric"] == "mrr"]
    for one in overall:
        yield f'<p class="verdict">{escape(one["verdict"])}</p>\n'
    yield from _systems([one for one in figures["systems"] if one["by"] == "all"])
    yield "<h2>Gain in MRR of the tuned model over its base</h2>\n"
    tuned = [one for one in figures["gains"] if (one["system"], one["over"], one["metric"]) == ("tuned", "base", "mrr")]
    yield _bars(tuned)
    for by in ("kind", "type"):
        parts = [one for one in figures["systems"] if one["by"] == by]
        if parts:
            yield f"<h2>By {by}</h2>\n"
            yield from _systems(parts)
    yield f'<p class="muted">nyxqa {escape(VERSION)}</p></body></html>\n'


def _systems(rows: Sequence[Figures]) -> Iterator[str]:
    metrics = [name for name in rows[0] if "@" in name or name == "mrr"]
    head = "".join(f"<th>{escape(name)}</th>" for name in metrics)
    yield f"<table><thead><tr><th>questions</th><th>system</th>{head}</tr></thead><tbody>\n"
    for row in rows:
        yield f"<tr><td>{escape(row['name'])} ({row[metrics[0]]['count']})</td><td>{escape(row['system'])}</td>"
        for name in metrics:
            value = row[name]
            bounds = f"({value['low']:.3f}-{value['high']:.3f})"
            yield f'<td class="n">{value["mean"]:.3f} <span class="muted">{bounds}</span></td>'
        yield "</tr>\n"
    yield "</tbody></table>\n"


def _bars(gains: Sequence[Figures]) -> str:
    """Each gain as a point with its interval, on one axis with 0."""
    least = min([0.0, *(one["low"] for one in gains)])
    most = max([0.0, *(one["high"] for one in gains)])
    span = (most - least) or 1.0

    def place(value: float) -> float:
        return float(round(_LABEL + 10 + (value - least) / span * (_WIDTH - _LABEL - 90), 1))

    height = _LINE * (len(gains) + 1)
    parts = [f'<svg role="img" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" fill="currentColor" font-size="13">']
    parts.append(f'<line x1="{place(0)}" x2="{place(0)}" y1="0" y2="{height}" stroke="#8c959f" stroke-dasharray="4"/>')
    for number, one in enumerate(gains):
        y = _LINE * (number + 0.75)
        colour = "#8c959f" if one["low"] <= 0 <= one["high"] else "#1a7f37" if one["low"] > 0 else "#cf222e"
        label = escape(one["name"] if one["by"] == "all" else f"{one['by']} {one['name']}")
        parts.append(f'<text x="0" y="{y + 4}">{label} ({one["count"]})</text>')
        ends = f'x1="{place(one["low"])}" x2="{place(one["high"])}"'
        parts.append(f'<line {ends} y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<circle cx="{place(one["mean"])}" cy="{y}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{_WIDTH - 70}" y="{y + 4}">{one["mean"]:+.3f}</text>')
    return "".join(parts) + "</svg>\n"
