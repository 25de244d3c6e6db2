"""What is never content of a page, such as tools and marks, and a survey of what may be none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nyxqa.builders.sources.html_clutter import CONTAINERS, NOTHING, Verdict, verdict
from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS
from nyxqa.builders.sources.html_tree import Tree

_LOOKED_AT = frozenset(("a", "button", "form", "sup"))
_SURVEYED = _LOOKED_AT | HEADINGS | CONTAINERS | {"pre", "input"}
_SIGN = re.compile(r"[^\w\s]{0,2}|\s*(?:link|permalink|anchor)\s*", re.IGNORECASE)
_DIGITS = re.compile(r"[\d\s.:*]*")
_DIRECTIONS = frozenset(("next", "prev", "previous", "up", "start", "contents", "index"))
_LONG_LINE = 200  # nodes; a longer line is not looked at for each of its links
_SHELL = 200  # characters of a page that is there before a script has run
_PAGE = 400  # characters in ``noscript`` that are more than a notice
_NOT_SHOWN = frozenset(("head", "script", "style", "template"))
_FEW = 60  # characters besides the links of a line that leads to other pages


@dataclass(slots=True)
class Survey:
    """Elements of a page that decisions are about, in order."""

    clutter: list[tuple[int, str]] = field(default_factory=list)  # what may be clutter, with its kind
    headings: list[int] = field(default_factory=list)  # h1
    mains: list[int] = field(default_factory=list)  # what is called the main content
    containers: list[int] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)  # fields for an e-mail address


def show_noscript(tree: Tree) -> None:
    """Show what is in ``noscript`` elements if they hold the page and there is nothing else before a script has run."""
    if "noscript" not in tree.tags:
        return
    found: list[int] = []
    inside = outside = node = 0
    while node < len(tree) and outside < _SHELL:
        tag = tree.tags[node]
        if tag == "noscript":
            inside += sum(len(text.strip()) for text in tree.texts[node : tree.ends[node]])
            found.append(node)
        elif tag not in _NOT_SHOWN:
            outside += len(tree.texts[node].strip())
            node += 1
            continue
        node = tree.ends[node]
    if inside >= _PAGE and outside < _SHELL:
        for node in found:
            tree.become(node, "div", tree.attributes[node])


def drop_tools(tree: Tree) -> Survey:
    """Drop what is never content and survey the rest."""
    survey = Survey()
    tags, end, pre_end, heading_end = tree.tags, 0, 0, 0
    verdicts = [verdict(tag, attributes) if tag else NOTHING for tag, attributes in tree.names]
    chosen = [judged != NOTHING or tag in _SURVEYED for (tag, _), judged in zip(tree.names, verdicts, strict=True)]
    for node in tree.of_kinds(chosen):
        if node < end:
            continue
        tag, attributes, judged = tags[node], tree.attributes[node], verdicts[tree.kinds[node]]
        if tag == "pre":
            pre_end = tree.ends[node]
        elif tag in HEADINGS:
            heading_end = tree.ends[node]
        elif tag == "input" and _asks_for_address(attributes):
            survey.addresses.append(node)
        if judged != NOTHING or tag in _LOOKED_AT:
            if _is_tool(tree, node, judged, node < heading_end):
                tree.dropped[node] = 1
                end = tree.ends[node]
                continue
            if (judged.kind and node >= pre_end) or tag == "form":
                survey.clutter.append((node, judged.kind or "form"))
        if tag == "h1":
            survey.headings.append(node)
        elif tag in CONTAINERS:
            survey.containers.append(node)
            if judged.main:
                survey.mains.append(node)
    return survey


def _asks_for_address(attributes: Mapping[str, str]) -> bool:
    if attributes.get("type", "text").lower() not in ("email", "text"):
        return False
    return attributes.get("type", "").lower() == "email" or "mail" in attributes.get("name", "").lower()


def _is_tool(tree: Tree, node: int, judged: Verdict, in_heading: bool) -> bool:
    tag = tree.tags[node]
    if judged.never or judged.mark:
        return True
    if judged.numbers and _DIGITS.fullmatch(tree.text(node)):
        return True
    if tag == "button":
        return not in_heading and tree.find(node, "p", "h1", "h2", "h3", "h4") is None
    if tag == "a":
        return _is_sign(tree, node, in_heading) or _leads_on(tree, node)
    return tag == "sup" and _is_mark(tree, node)


def _is_mark(tree: Tree, node: int) -> bool:
    """Whether a superscript is nothing but a link to a note on the page."""
    link = tree.find(node, "a")
    if link is None or "#" not in tree.get(link, "href"):
        return False
    text = tree.text(node).strip()
    return len(text) <= len(tree.text(link).strip()) + 2 and len(text) <= 6


def _leads_on(tree: Tree, node: int) -> bool:
    """Whether a link leads to the next page or the like; the short line around such links is dropped with it."""
    if _DIRECTIONS.isdisjoint(tree.get(node, "rel").lower().split()):
        return False
    line = next((parent for parent in tree.ancestors(node) if tree.tags[parent] in BLOCKS), 0)
    if tree.tags[line] in ("p", "div", "td", "li", "center") and tree.ends[line] - line <= _LONG_LINE:
        texts = [inner for inner in range(line, tree.ends[line]) if tree.texts[inner].strip()]
        beside = sum(len(tree.texts[text].strip()) for text in texts if not _in_link(tree, text, line))
        tree.dropped[line] = beside <= _FEW
    return True


def _in_link(tree: Tree, node: int, limit: int) -> bool:
    while node > limit:
        node = tree.parents[node]
        if tree.tags[node] == "a":
            return True
    return False


def _is_sign(tree: Tree, node: int, in_heading: bool) -> bool:
    """Whether a link is the sign with which a heading or term links to itself."""
    if not tree.get(node, "href").startswith("#") or tree.find(node, "img", "math") is not None:
        return False
    text = tree.text(node).strip()
    return bool(_SIGN.fullmatch(text)) if in_heading else text in ("#", "\u00b6", "\u00a7", "\U0001f517", "\u21a9")
