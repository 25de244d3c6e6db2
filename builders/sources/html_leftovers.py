"""What is left over once clutter has gone: headings over nothing, and texts that a page holds twice in a row."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice

from nyxqa.builders.sources.html_measure import HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_NEARBY = 20  # siblings behind a heading that are looked at
_LETTERS = 20  # of something that was dropped, so that a heading stood over it
_TWIN = 40  # characters of a text that no page has twice by chance
_LONG_TWIN = 4_000
_TWINS = frozenset(("div", "section", "figure", "header", "aside"))
_LABELS = HEADINGS | {"dt"}
_NOT_SHOWN = frozenset(("script", "style", "noscript", "template"))
_CUT = re.compile(r"(?:^|[\s_-])(?:truncat\w*|short|cut|excerpt|summary|less|collapsed)(?=$|[\s_-])", re.IGNORECASE)
_SHOWN = frozenset(("img", "math", "pre", "table"))


def drop_leftovers(tree: Tree, measure: Measure, root: int, title: int | None, containers: list[int]) -> None:
    """Drop from below ``root`` headings of which all that they stood over is dropped, and second copies of a text."""
    inside = containers[bisect_right(containers, root) - 1 :] if containers else []
    for node in inside:
        if node >= tree.ends[root]:
            break
        if node >= root and tree.tags[node] in ("div", "section", "article", "main", "aside"):
            _drop_twins(tree, measure, node)
    for node in tree.shown(tree.named(_LABELS, root, tree.ends[root])):
        if tree.tags[node] == "dt":
            tree.dropped[node] = _is_undescribed_term(tree, node)
        elif node != title:
            tree.dropped[node] = _stands_over_nothing(tree, node)


def _is_undescribed_term(tree: Tree, term: int) -> bool:
    """Whether what is said of a term, the next element, was dropped."""
    following = next((node for node in range(tree.ends[term], tree.ends[tree.parents[term]]) if tree.tags[node]), None)
    return following is not None and tree.tags[following] == "dd" and bool(tree.dropped[following])


def _stands_over_nothing(tree: Tree, heading: int) -> bool:
    gone = False
    below = range(tree.ends[heading], tree.ends[tree.parents[heading]])
    node, seen = below.start, 0
    while node < below.stop and seen < _NEARBY:
        seen += 1
        if tree.tags[node] in HEADINGS and not tree.dropped[node]:
            return gone and tree.tags[node] <= tree.tags[heading]  # else it is the heading of sections below
        if tree.dropped[node]:
            gone = gone or _had_text(tree, node)
        elif tree.tags[node] in _SHOWN or _has_text(tree, node):
            return False
        node = tree.ends[node]
    return gone and node >= below.stop


def _has_text(tree: Tree, node: int) -> bool:
    return any(inner >= 0 and (tree.texts[inner].strip() or tree.tags[inner] in _SHOWN) for inner in tree.walk(node))


def _had_text(tree: Tree, node: int) -> bool:
    if tree.tags[node] in _NOT_SHOWN:
        return False
    total = 0
    for text in islice(tree.texts, node, tree.ends[node]):
        total += len(text.strip())
        if total >= _LETTERS:
            return True
    return False


def _drop_twins(tree: Tree, measure: Measure, holder: int) -> None:
    """Drop the copy of a text that stands beside it: for another screen, or cut for a preview."""
    before = -1
    for node in tree.children(holder):
        chars = measure.chars(node)
        if tree.dropped[node] or not chars:
            continue
        if before >= 0 and tree.tags[node] in _TWINS and min(chars, measure.chars(before)) >= _TWIN:
            same = chars == measure.chars(before) and chars <= _LONG_TWIN
            if same or _CUT.search(tree.get(node, "class")) or _CUT.search(tree.get(before, "class")):
                gone = _second(tree, before, node)
                if gone >= 0:
                    tree.dropped[gone] = 1
                    before = node if gone == before else before
                    continue
        before = node


def _second(tree: Tree, one: int, other: int) -> int:
    """Return the one of two elements whose text the other holds as well from its start, or -1."""
    first, second = (" ".join(tree.text(node).split()) for node in (one, other))
    if first == second:
        return other
    for long, short, gone in ((first, second, other), (second, first, one)):
        start = short.rstrip(".\u2026 ").rpartition(" ")[0]
        if len(start) >= _TWIN and long.startswith(start):
            return gone
    return -1
