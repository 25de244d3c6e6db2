"""The story of an item as blocks of text, which a terminal and a notebook show in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.browse.lineage import PICTURE, Group, LedgerRow, Lineage
from nyxqa.builders.report.lines import explained
from nyxqa.builders.report.visible import one_visible_line, visible
from nyxqa.schemas.content import PLACEHOLDER

_LONG = 2_000  # characters of a text that are shown
_FACTS: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "query", "answer", "answers", "choices", "evidence", "type", "kind", "dataset", "split",
                 "source", "generator", "reviews"),
    "triplet": ("instruction", "positives", "miner", "needs"),
    "document": ("title", "section", "text", "captions", "kind", "n_tokens", "url", "source", "license", "language",
                 "pool", "split", "cluster", "external_id", "locator"),
    "page": ("title", "url", "source", "license", "language", "pool", "split", "documents", "n_tokens", "images"),
    "image": ("caption", "caption_origin", "image_url", "title", "license"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """Lines below a title.

    :param title: "" for the item itself.
    :param lines: Pairs of a name and its value.
    """

    title: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What is found of an item; no control characters are in it.

    :param head: What it is: ``question 003a...``.
    :param fate: What became of it, in a few words.
    """

    head: str
    fate: str
    blocks: tuple[Block, ...]


def story_of(found: Lineage, texts: Mapping[str, str]) -> Story:
    """The story of a lineage.

    :param texts: Texts of an item that no table holds any more.
    """
    name = found.name
    facts = {**found.facts, **({"query": found.triplet["query"]} if found.triplet and not found.facts else {})}
    blocks = [Block("", tuple(_facts(name.kind, facts or texts)))]
    if found.triplet:
        blocks.append(Block("triplet", tuple(_facts("triplet", found.triplet))))
    blocks += [_group(group) for group in found.before]
    if found.fate:
        blocks.append(Block("why it went", tuple(map(_ledger, found.fate))))
    blocks += [_group(group) for group in found.after]
    if found.notes:
        blocks.append(Block(f"parts of it that went ({len(found.notes)})", tuple(map(_part, found.notes[:20]))))
    return Story(f"{name.kind} {visible(name.id)}", _fate(found), tuple(block for block in blocks if block.lines))


def story_of_row(head: str, row: Mapping[str, Any]) -> Story:
    """A row by itself, where nothing else is known of it."""
    kind = head.partition(" ")[0]
    names = _FACTS.get(kind, ()) + _FACTS["triplet"] * (kind == "question")
    return Story(head, "", (Block("", tuple(_named(names, row))),))


def _fate(found: Lineage) -> str:
    if found.fate and not found.facts and not found.triplet:
        return f"dropped in stage {found.fate[-1].stage}: {visible(found.fate[-1].reason)}"
    if found.name.kind == "question":
        return (
            f"in split {found.triplet['split']} of {found.triplet['dataset']}" if found.triplet else "without a triplet"
        )
    counts = (f"{group.title} {group.total:,}" for group in found.after)
    return ", ".join(counts) if found.facts else "known from the ledger alone"


def _facts(kind: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if kind == "question" and row.get("choices"):
        marked = [f"[{one}]" if n == row.get("label") else one for n, one in enumerate(row["choices"])]
        row = {**row, "choices": marked}
    known = _FACTS.get(kind, ())
    return _named(known or tuple(row), row)


def _named(names: Sequence[str], row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in names:
        text = "not verified" if name == "evidence" and name in row and row[name] is None else _value(row.get(name))
        if text:
            yield name.replace("_", " "), text


def _value(value: Any) -> str:
    """A stored value in one line; "" for nothing."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, Mapping):
        if value.keys() == {"prediction", "correct"}:
            return f"{'right' if value['correct'] else 'wrong'} ({_value(value['prediction'])})"
        if {"text", "images"} <= value.keys():
            return _value(value["text"])
        return ", ".join(f"{key} {_value(one)}" for key, one in value.items() if _value(one))
    if isinstance(value, list | tuple):
        return " | ".join(filter(None, map(_value, value)))
    if isinstance(value, float):
        return f"{value:.4g}"
    text = one_visible_line(str(value).replace(PLACEHOLDER, PICTURE))
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."


def _group(group: Group) -> Block:
    lines = []
    for one in group.items:
        said = (one.note, one.line) if one.name.kind == "document" else (one.line, one.note)
        lines.append((f"{one.name.kind} {visible(one.name.id)}", " \u00b7 ".join(filter(None, map(_value, said)))))
    if group.total > len(group.items):
        lines.append(("...", f"and {group.total - len(group.items):,} more"))
    return Block(f"{group.title} ({group.total:,})", tuple(lines))


def _ledger(row: LedgerRow) -> tuple[str, str]:
    detail = explained(row.reason, row.detail)
    place = f"{row.stage} {row.split}".strip()
    return visible(place), _value(f"{row.reason}: {detail}" if detail else row.reason)


def _part(row: LedgerRow) -> tuple[str, str]:
    place, why = _ledger(row)
    return f"{row.item_type} {visible(row.item_id)}", f"{place} \u00b7 {why}"
