"""Pictures of measured figures as SVG, readable in light and in dark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

_ROW, _LABEL, _BAR = 26, 230, 330
_STYLE = "text{font:13px sans-serif;fill:#777}.b{fill:#5b7fd6}.c{fill:#d6815b}"


def write_figures(results: Path, folder: Path) -> None:
    """The pictures of page ``why``.

    :param results: Folder of the programs' results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sample = json.loads((results / "sample.json").read_text(encoding="utf-8"))
    stages = [one for one in sample["stages"] if one["split"] in ("", "train")]
    (folder / "funnel.svg").write_text(
        bars(
            [(f"{one['name']}", one["out"], one["dropped"]) for one in stages if one["out"] or one["dropped"]],
            "kept",
            "dropped",
        )
    )
    names = {"data": "trained on the triplets", "shuffled": "trained on shuffled positives", "untrained": "untrained"}
    means = sample["training_signal"]["means"]
    rows = [(names.get(name, "BM25"), means[name]["ndcg@10"]) for name in means]
    (folder / "signal.svg").write_text(bars([(name, round(value, 3), 0) for name, value in rows], "nDCG@10", ""))


def bars(rows: Sequence[tuple[str, float, float]], first: str, second: str) -> str:
    """A horizontal bar for each row: a value, and beside it a second one in another colour."""
    most = max((value + other for _, value, other in rows), default=1) or 1
    shapes = []
    for number, (name, value, other) in enumerate(rows):
        top, long, rest = number * _ROW, _BAR * value / most, _BAR * other / most
        shapes.append(f'<text x="{_LABEL - 8}" y="{top + 17}" text-anchor="end">{escape(name)}</text>')
        shapes.append(f'<rect class="b" x="{_LABEL}" y="{top + 4}" width="{long:.1f}" height="18"/>')
        shapes.append(f'<rect class="c" x="{_LABEL + long:.1f}" y="{top + 4}" width="{rest:.1f}" height="18"/>')
        label = f"{value:,} {first}" + (f", {other:,} {second}" if other else "")
        shapes.append(f'<text x="{_LABEL + long + rest + 6:.1f}" y="{top + 17}">{escape(label)}</text>')
    width, height = _LABEL + _BAR + 190, _ROW * len(rows) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">'
        f"<style>{_STYLE}</style>{''.join(shapes)}</svg>\n"
    )
