"""A fresh card put into the one that is there: what people wrote stays, what the data says is renewed."""

from __future__ import annotations

import re
from typing import Any

BEGIN = "<!-- nyxqa: from here to the end mark this card is generated; write above or below -->"
END = "<!-- nyxqa: end -->"
# Keys of the front matter that follow from the data alone; an old value would be wrong of new files.
_DERIVED = ("configs", "size_categories", "language", "license", "dataset_info")
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:\r?\n)?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def merge_card(existing: str, fresh: str) -> str:
    """``fresh`` with the prose of ``existing`` around its generated part, and with the keys that people added.

    Lists such as tags are united; a value that only people can know, such as ``pretty_name``, is theirs. An existing
    card without marks is all prose and stays above the generated part.
    """
    old_head, old_body = split_front(existing)
    head, body = split_front(fresh)
    import yaml

    merged = yaml.safe_dump(_merged(old_head, head), sort_keys=False, allow_unicode=True).rstrip()
    return f"---\n{merged}\n---\n{_placed(old_body, body)}"


def split_front(card: str) -> tuple[dict[str, Any], str]:
    """Front matter and body; a front matter that is no YAML mapping counts as none."""
    import yaml

    found = _FRONT.match(card)
    if found is None:
        return {}, card
    try:
        head = yaml.safe_load(found[1])
    except yaml.YAMLError:
        head = None
    return (head if isinstance(head, dict) else {}), card[found.end() :]


def _merged(old: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
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


def _placed(old: str, fresh: str) -> str:
    """The body: the generated part of ``fresh`` where the old one stood."""
    start = old.find(BEGIN)
    if start < 0:
        return f"{old.rstrip()}\n{fresh}" if old.strip() else fresh
    end = old.find(END, start)
    after = old[end + len(END) :] if end >= 0 else "\n"
    first, last = fresh.index(BEGIN), fresh.index(END) + len(END)
    return old[:start] + fresh[first:last] + after
