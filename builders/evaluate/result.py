"""The result of an evaluation, and the files it is written to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nyxqa.builders.formatting import text_table
from nyxqa.schemas.files import write_bytes

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
