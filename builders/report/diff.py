"""``nyxqa diff``: compare two datasets, in folders or on the Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nyxqa.builders.formatting import text_table
from nyxqa.builders.report.changes import TABLES_READ, change_lines, changes, is_same
from nyxqa.schemas.loading.published import Published, find_published


def diff(old: str | Path, new: str | Path) -> dict[str, Any]:
    """What changed from one dataset to another; see ``changes``.

    :param old: An existing folder, or ``user/name`` on the Hub, with ``@REVISION`` for a version of it.
    :raises FormatError: If one of them holds no dataset, or one that disagrees with its manifest.
    :raises WorldError: If the Hub cannot be reached or has no such dataset.
    """
    return changes(_opened(old), _opened(new))


def _opened(place: str | Path) -> Published:
    name, _, revision = str(place).rpartition("@")
    if isinstance(place, Path) or Path(place).exists() or not name:
        return find_published(place, None, TABLES_READ)
    return find_published(name, revision, TABLES_READ)


def diff_json(found: Mapping[str, Any]) -> str:
    """The changes as one JSON object."""
    return json.dumps(found, ensure_ascii=False) + "\n"


def diff_text(found: Mapping[str, Any], old: str, new: str) -> str:
    """The changes for people, with the rows of each table and split that has another number of them.

    :param old: How the first dataset was named; ``new`` the second.
    """
    parent = found["parent"]
    relation = ", updated from the first" if parent and parent == found["old"] else ""
    lines = [f"first   {found['old'][:16]}  {old}", f"second  {found['new'][:16]}  {new}{relation}"]
    if is_same(found):
        lines.append("the data are the same, byte for byte")
    told = change_lines(found)
    lines += told if told else [] if is_same(found) else ["no page, document, question, triplet or recipe key differs"]
    if rows := found["rows"]:
        cells = [[name, *("none" if one is None else f"{one:,}" for one in pair)] for name, pair in rows.items()]
        lines += ["", *text_table(("rows", "first", "second"), cells, {1, 2})]
    return "\n".join(lines) + "\n"
