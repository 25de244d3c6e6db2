"""``report.json``: the result of the full check, and the bytes it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.manifest import MANIFEST
from nyxqa.schemas.writing import file_hash

REPORT = "report.json"
TRAINING_SIGNAL = "training_signal"
_OLD_SIGNAL = "teaches"
_ABOUT = "manifest_sha256"
_PUBLISHED_AS = "published_as"


def write_report(out: Path, result: dict[str, Any]) -> None:
    """Write the result of a check of the dataset in ``out``, with the hash of its manifest."""
    write_json(out / REPORT, {_ABOUT: file_hash(out / MANIFEST), **result})


def read_report(out: Path) -> dict[str, Any] | None:
    """The report, in today's names whatever version wrote it; None if the dataset has none.

    :raises FormatError: If the file is not a JSON object.
    """
    path = out / REPORT
    if not path.is_file():
        return None
    try:
        report = json.loads(path.read_bytes())
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    if not isinstance(report, dict):
        raise FormatError(f"{path} is not a JSON object")
    return _renamed(report)


def _renamed(report: dict[str, Any]) -> dict[str, Any]:
    """The report with the key and the check that 0.1.0 called ``teaches`` under their new name."""
    if _OLD_SIGNAL not in report:
        return report
    renamed = {TRAINING_SIGNAL if key == _OLD_SIGNAL else key: value for key, value in report.items()}
    for key in ("failed", "not_run"):
        renamed[key] = [TRAINING_SIGNAL if name == _OLD_SIGNAL else name for name in report.get(key, [])]
    renamed["findings"] = [
        {**finding, "name": TRAINING_SIGNAL} if finding.get("name") == _OLD_SIGNAL else finding
        for finding in report.get("findings", [])
    ]
    return renamed


def is_about(report: dict[str, Any], out: Path) -> bool:
    """Whether the report is about the bytes in ``out``, or about the images whose addresses ``out`` holds instead."""
    published = report.get(_PUBLISHED_AS)
    hashes = [report.get(_ABOUT), *([published.get(_ABOUT)] if isinstance(published, dict) else [])]
    return file_hash(out / MANIFEST) in hashes


def carry_report(out: Path, published: Path) -> None:
    """Copy the report on ``out``, if there is one, to ``published``, which holds addresses instead of its images."""
    report = read_report(out)
    if report is not None:
        form = {"images": "urls", _ABOUT: file_hash(published / MANIFEST)}
        write_json(published / REPORT, {**report, _PUBLISHED_AS: form})
