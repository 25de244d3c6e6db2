"""``report.json``: what the whole check said, and of which bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import write_json
from nyxqa.schemas.manifest import MANIFEST
from nyxqa.schemas.writing import file_hash

REPORT = "report.json"
_ABOUT = "manifest_sha256"
_PUBLISHED_AS = "published_as"


def write_report(out: Path, said: dict[str, Any]) -> None:
    """Write what was said of the dataset in ``out``, tied to its manifest."""
    write_json(out / REPORT, {_ABOUT: file_hash(out / MANIFEST), **said})


def read_report(out: Path) -> dict[str, Any] | None:
    """What was said; None if nothing was.

    :raises FormatError: If the file is no JSON object.
    """
    path = out / REPORT
    if not path.is_file():
        return None
    try:
        report = json.loads(path.read_bytes())
    except ValueError as error:
        raise FormatError(f"{path} is no JSON: {error}") from error
    if not isinstance(report, dict):
        raise FormatError(f"{path} is no JSON object")
    return report


def is_about(report: dict[str, Any], out: Path) -> bool:
    """Whether it was said of the bytes in ``out``, or of the images whose addresses are there in their place."""
    published = report.get(_PUBLISHED_AS)
    known = [report.get(_ABOUT), *([published.get(_ABOUT)] if isinstance(published, dict) else [])]
    return file_hash(out / MANIFEST) in known


def carry_report(out: Path, published: Path) -> None:
    """Give ``published``, which holds addresses for the images of ``out``, the report on ``out`` if there is one."""
    report = read_report(out)
    if report is not None:
        form = {"images": "urls", _ABOUT: file_hash(published / MANIFEST)}
        write_json(published / REPORT, {**report, _PUBLISHED_AS: form})
