"""The metrics of a run as JSON lines, and a plot of loss and evaluation over the steps."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import install_line
from nyxqa.schemas.files import replacing, write_bytes

METRICS = "metrics.jsonl"

_LOG = logging.getLogger(__name__)
SKIPPED = f"matplotlib is not installed, so no plot is drawn; install it in a checkout with: {install_line('train')}"


class MetricsLog:
    """A file of one JSON object a line, each with its ``step``.

    :param path: The file; lines after ``step``, from an interrupted run, are removed.
    :param step: Number of completed steps.
    """

    def __init__(self, path: Path, step: int) -> None:
        lines = [line for line in read_metrics(path) if line["step"] <= step] if step else []
        write_bytes(path, "".join(_line(one) for one in lines).encode())
        self._stream = path.open("a", encoding="utf-8")

    def write(self, **values: Any) -> None:
        """Append a line and flush it."""
        self._stream.write(_line(values))
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, empty without a file; a last line without a newline was cut off by a kill and is skipped."""
    if not path.exists():
        return []
    data = path.read_bytes()
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    :param title: Title of the panel.
    :param curves: (step, value) pairs by label.
    :param levels: Constant reference values, by label.
    :param across: Label of the x axis.
    """

    title: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    levels: Mapping[str, float]
    across: str = "step"


def plot(path: Path, panels: Sequence[Panel]) -> bool:
    """Draw ``panels`` side by side into a PNG; False, with a warning, where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        _LOG.warning(SKIPPED)
        return False
    figure = Figure(figsize=(5 * len(panels), 4), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, points in panel.curves.items():
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 30 else "")
        for number, (label, value) in enumerate(panel.levels.items()):
            axes.axhline(value, label=label, color=f"C{7 - number}", linestyle="--", linewidth=1)
        axes.set_title(panel.title)
        axes.set_xlabel(panel.across)
        axes.legend(fontsize="small")
    with replacing(path) as temporary:
        FigureCanvasAgg(figure)
        figure.savefig(temporary, format="png")
    return True
