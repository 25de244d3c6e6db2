"""A dataset whose every free text attacks the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nyxqa.schemas.manifest import read_manifest, write_manifest
from tests.support.chromium import HOSTILE_TEXT
from tests.support.restamp import Row, rewrite

_TEXTS: Mapping[str, tuple[str, ...]] = {
    "corpus": ("text", "title", "section", "url", "license", "external_id", "source", "locator"),
    "qa": ("question", "answer", "answer_long", "generator", "source"),
    "triplets": ("query", "instruction", "miner"),
    "ledger": ("detail", "reason"),
}
_LISTS: Mapping[str, tuple[str, ...]] = {
    "corpus": ("captions", "image_urls"),
    "qa": ("answers", "choices"),
    "triplets": ("answers",),
}


def make_hostile(out: Path) -> None:
    """Add ``HOSTILE_TEXT`` to every text of the dataset in ``out`` that is not an id, and to its recipe and lines."""
    manifest = read_manifest(out)
    for table in _TEXTS:
        for split in manifest.splits(table):
            rewrite(out, table, split, lambda rows, table=table: _spoil(table, rows))  # type: ignore[misc]
    manifest = read_manifest(out)
    recipe = {**manifest.recipe, "web": {**manifest.recipe["web"], "source": f"jsonl:{HOSTILE_TEXT}"}}
    lines = [f"{line} {HOSTILE_TEXT}" for line in manifest.deviations]
    summary = {**manifest.summary, "probe": {"result": HOSTILE_TEXT}, "shortfall": {HOSTILE_TEXT: {"any": 3}}}
    write_manifest(out, replace(manifest, recipe=recipe, deviations=lines, summary=summary))


def _spoil(table: str, rows: list[Row]) -> None:
    for row in rows:
        for name in _TEXTS[table]:
            row[name] = _hostile(row[name])
        for name in _LISTS.get(table, ()):
            row[name] = [_hostile(one) for one in row[name]]


def _hostile(text: Any) -> str:
    return f"{text or ''} {HOSTILE_TEXT}".strip()
