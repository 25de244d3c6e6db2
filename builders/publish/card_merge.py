"""Merging a generated card into an existing one: what people wrote stays, what follows from the data is replaced."""

from __future__ import annotations

import re
from typing import Any

BEGIN = "<!-- nyxqa: from here to the end mark this card is generated; write above or below -->"
END = "<!-- nyxqa: end -->"
# Keys of the front matter that follow from the data alone; an old value would be wrong for new files.
_DERIVED = ("configs", "size_categories", "language", "license", "dataset_info")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:\r?\n)?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def merge_card(existing: str, fresh: str) -> str:
    """``fresh`` with the text of ``existing`` around its generated part, and with the keys that people added.

    Lists such as tags are merged; a value that does not follow from the data, such as ``pretty_name``, is taken from
    ``existing``. An existing card without markers is text by people and stays above the generated part.
    """
    old_head, old_body = split_front_matter(existing)
    head, body = split_front_matter(fresh)
    import yaml

    merged = yaml.safe_dump(_merged_head(old_head, head), sort_keys=False, allow_unicode=True).rstrip()
    return f"---\n{merged}\n---\n{_merged_body(old_body, body)}"


def split_front_matter(card: str) -> tuple[dict[str, Any], str]:
    """Front matter and body; front matter that is not a YAML mapping counts as empty."""
    import yaml

    match = _FRONT_MATTER.match(card)
    if match is None:
        return {}, card
    try:
        head = yaml.safe_load(match[1])
    except yaml.YAMLError:
        head = None
    return (head if isinstance(head, dict) else {}), card[match.end() :]


def _merged_head(old: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    merged = dict(fresh)
    for key, value in old.items():
        if key in _DERIVED:
            continue
        own = fresh.get(key)
        if isinstance(own, list) and isinstance(value, list):
            merged[key] = [*own, *(item for item in value if item not in own)]
        else:
            merged[key] = value
    return merged


def _merged_body(old: str, fresh: str) -> str:
    """The body: the generated part of ``fresh`` in the position of the old one."""
    start = old.find(BEGIN)
    if start < 0:
        return f"{old.rstrip()}\n{fresh}" if old.strip() else fresh
    end = old.find(END, start)
    after = old[end + len(END) :] if end >= 0 else "\n"
    first, last = fresh.index(BEGIN), fresh.index(END) + len(END)
    return old[:start] + fresh[first:last] + after
