"""Lines within the content that say of themselves that they are none of it: invitations, advertisements, credits.

Names of elements are looked at elsewhere; here the words decide, so only short blocks are looked at, and what a manual
could say as well ("See also", "Related modules", "Follow the steps below") stays.
"""

from __future__ import annotations

import re
from itertools import chain, islice

from nyxqa.builders.sources.html_cue_words import (
    ABOUT,
    ALONE,
    BETWEEN,
    BUTTONS,
    BY,
    BY_AND_WHEN,
    CALLS,
    DATED,
    DISCLOSURE,
    IMAGE_CREDIT,
    INVITES,
    LABEL,
    LABELLED,
    LEADS_AWAY,
    LINKED_DATE,
    OVER_LINKS,
)
from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_LINE = 160  # characters; a longer block is not looked at
_CREDIT = 120
_SHORT = 60
_WORDS = 8  # of a label, but one
_NOTE = 500  # characters of a disclosure
_NODES = 24  # of a block that is looked at
_PARAGRAPH = 100  # characters of prose with which the article has begun
_NEARBY = 6  # siblings behind a heading
_LINKED = 0.5
_SOME_LINKED = 0.3
_MOSTLY_LINKED = 0.9
_IN_TEXT = frozenset(("p", "div", "li", "center", "section", "aside", "ul", "ol", *HEADINGS))
_LINES = frozenset(("p", "div", "center", "section", "aside", "h4", "h5", "h6"))
_INLINE = frozenset(("a", "b", "code", "em", "i", "img", "kbd", "samp", "strong", "sub", "sup", "tt", "var"))
# Elements of a line that stands in a block beside other blocks, without one of its own.
_LOOSE = frozenset(("a", "b", "em", "font", "i", "label", "small", "span", "strong", "time", "u"))
_HOLDERS = frozenset(("article", "body", "center", "div", "header", "main", "section"))
_PASSED_OVER = _INLINE | {"pre", "table", "dl", "figure", "blockquote"}

_FRONT_PAGE = re.compile(r"/|https?://[^/]+/?")


def drop_cue_lines(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop the lines below ``root`` whose words say that they are no content; ``title`` stays."""
    node, begun = root + 1, False
    if tree.tags[root] in _HOLDERS:
        _drop_loose_lines(tree, measure, root, begun)
    while node < tree.ends[root]:
        tag = tree.tags[node]
        if tree.dropped[node] or tag in _PASSED_OVER or node == title:
            if tag == "figure" and not tree.dropped[node]:
                _drop_image_credit(tree, measure, node)
            node = tree.ends[node]
            continue
        if tag in _HOLDERS:
            _drop_loose_lines(tree, measure, node, begun)
        if tag in _IN_TEXT and 0 < measure.chars(node) <= _LINE and tree.ends[node] - node <= _NODES:
            text = " ".join(tree.text(node).split())
            linked = measure.links(node)
            if (
                _is_cue(linked, text)
                or (tag in _LINES and (_is_label(linked, text) or (not begun and DISCLOSURE.search(text))))
                or (tag not in HEADINGS and _is_credit(text, begun, linked))
                or (not begun and title is not None and tree.ends[node] <= title and linked >= _LINKED)
                or (tag == "h1" and linked >= _MOSTLY_LINKED and _leads_home(tree, node))
            ):
                tree.dropped[node] = tree.find(node, "img", "math") is None
            elif len(text) <= _SHORT and OVER_LINKS.fullmatch(text):
                _drop_with_links(tree, measure, node)
            if tree.dropped[node] or tree.find(node, *BLOCKS) is None:
                node = tree.ends[node]
                continue
        elif tag == "p" and measure.prose(node) >= _PARAGRAPH:
            if not begun and measure.chars(node) <= _NOTE and DISCLOSURE.search(tree.text(node)):
                tree.dropped[node] = 1
            else:
                begun = True
        node += 1


def _drop_image_credit(tree: Tree, measure: Measure, figure: int) -> None:
    """Drop the caption of a figure if it says no more than whose picture it is."""
    caption = tree.find(figure, "figcaption")
    if caption is None or not 0 < measure.chars(caption) <= _CREDIT or tree.find(caption, "math", "img") is not None:
        return
    if IMAGE_CREDIT.fullmatch(" ".join(tree.text(caption).split())):
        tree.dropped[caption] = 1


def _drop_loose_lines(tree: Tree, measure: Measure, holder: int, begun: bool) -> None:
    """Drop such lines that stand in a block between its other blocks."""
    line: list[int] = []
    beside = False
    for child in chain(tree.children(holder), (tree.ends[holder],)):
        if child < tree.ends[holder] and (tree.tags[child] in _LOOSE or not tree.tags[child]):
            line.append(child)
            continue
        beside = beside or child < tree.ends[holder]
        if beside and line and line[-1] - line[0] <= _NODES:
            _drop_loose_line(tree, measure, line, begun)
        line = []


def _drop_loose_line(tree: Tree, measure: Measure, line: list[int], begun: bool) -> None:
    chars = sum(map(measure.chars, line))
    start, end = line[0], tree.ends[line[-1]]
    if not 0 < chars <= _LINE or end - start > _NODES:
        return
    text = " ".join("".join(map(tree.text, line)).split())
    linked = sum(measure.chars(node) * measure.links(node) for node in line) / chars
    if (_is_cue(linked, text) or _is_label(linked, text) or _is_credit(text, begun, linked)) and "img" not in tree.tags[
        start:end
    ]:
        for node in line:
            tree.dropped[node] = 1


def _leads_home(tree: Tree, node: int) -> bool:
    """Whether a heading is the name of a site, which links to its front page."""
    link = tree.find(node, "a")
    return link is not None and _FRONT_PAGE.fullmatch(tree.get(link, "href")) is not None


def _is_cue(linked: float, text: str) -> bool:
    if len(text) <= _CREDIT and ALONE.fullmatch(text):
        return True
    if not linked:
        return False
    if (linked >= _LINKED and LEADS_AWAY.match(text)) or (linked >= _SOME_LINKED and LABELLED.match(text)):
        return True
    return (linked >= _MOSTLY_LINKED and BUTTONS.fullmatch(text) is not None) or INVITES.search(text) is not None


def _is_label(linked: float, text: str) -> bool:
    """Whether a line of its own is a label, a button or a call."""
    if len(text) > _SHORT:
        return False
    if linked >= _MOSTLY_LINKED and CALLS.match(text):
        return True
    return not text.endswith((",", ";", ")")) and text.count(" ") <= _WORDS and LABEL.fullmatch(text) is not None


def _is_credit(text: str, begun: bool, linked: float) -> bool:
    """Whether a line is when a page was published, or, before its text has begun, who wrote it."""
    if len(text) > _CREDIT:
        return False
    if any(map(str.isdigit, text)):
        if all(ABOUT.fullmatch(item) or (not begun and BY.fullmatch(item)) for item in BETWEEN.split(text) if item):
            return True
        if DATED.fullmatch(text) or (linked >= _SOME_LINKED and LINKED_DATE.fullmatch(text)):
            return True
        return not begun and BY_AND_WHEN.fullmatch(text) is not None
    return not begun and BY.fullmatch(text) is not None


def _drop_with_links(tree: Tree, measure: Measure, node: int) -> None:
    """Drop a heading with the links below it, or with nothing below it; it stays if something else follows it."""
    below = (other for other in tree.children(tree.parents[node]) if other > node and measure.chars(other))
    following = list(islice(below, _NEARBY))
    links = []
    for other in following:
        if tree.dropped[other]:
            continue
        listed = tree.tags[other] in ("ul", "ol") and _all_lead_away(tree, measure, other)
        if tree.tags[other] in HEADINGS or (measure.links(other) < _LINKED and not listed):
            break
        links.append(other)
    if links or not following:
        for other in (node, *links):
            tree.dropped[other] = 1


def _all_lead_away(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether each item of a list is a line with a link in it."""
    items = [item for item in tree.children(node) if measure.chars(item)]
    return len(items) > 1 and all(measure.links(item) > 0 and measure.chars(item) <= _LINE for item in items)
