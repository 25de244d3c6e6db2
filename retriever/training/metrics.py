"""The metrics of a run as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nyxqa.schemas.files import write_bytes

METRICS = "metrics.jsonl"


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
