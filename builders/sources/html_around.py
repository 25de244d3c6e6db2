"""What stands before and behind the column that holds nearly all of an article: buttons, calls, boxes about a site."""

from __future__ import annotations

import re
from itertools import islice

from nyxqa.builders.sources.html_flow import belongs
from nyxqa.builders.sources.html_measure import HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_ARTICLE = 1000  # characters of prose; a shorter text has no columns
_COLUMN = 0.75  # of the prose
_LITTLE = 0.05  # of the prose; more behind the column is a part of the text
_LINE = 200  # characters before the column that are no prose
_PARAGRAPHS = 3
_FLOW = HEADINGS | {"p", "pre", "ul", "ol", "dl", "table", "blockquote", "figure", "details", "math"}
_SHOWN = ("pre", "dl", "table", "math", "figure", "details")
# What belongs to a text though it stands apart from it, by names and by the words of its heading.
_APPENDED = re.compile(
    r"foot-?note|end-?note|reference|citation|bibliogra|sources?\b|faq|question|conclusion|summary|abstract|appendix|"
    r"glossar|acknowledg|errata|licen[cs]e|see-?\s?also|further reading|instruction|ingredient|update|correction|"
    r"fu(?:\u00df|ss)note|quelle|literatur|fragen|fazit|anhang|siehe auch|annexe|bibliograf|r\u00e9f\u00e9rence|"
    r"fuente|referencia|conclusi\u00f3n|note a pi\u00e8|fonti|bronnen|\u0441\u043d\u043e\u0441\u043a|"
    r"\u0438\u0441\u0442\u043e\u0447\u043d\u0438\u043a|\u53c2\u8003|\u811a\u6ce8|\u6ce8\u91ca",
    re.IGNORECASE,
)


def drop_around(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop from below ``root`` the small blocks around its column of text; headings, tables and notes stay."""
    prose = measure.prose(root)
    if prose < _ARTICLE:
        return
    name, node = _unheaded_name(tree, title), root
    while True:
        inner = [child for child in tree.children(node) if not tree.dropped[child] and measure.chars(child)]
        column = max(inner, key=measure.prose, default=-1)
        if column < 0 or tree.tags[column] in _FLOW or measure.prose(column) < _COLUMN * prose:
            return
        if not belongs(tree.get(column, "class")):
            for child in inner:
                if child < column and name and " ".join(tree.text(child).split()) in name:
                    continue
                if child != column and _is_apart(tree, measure, child, column, prose, title):
                    tree.dropped[child] = 1
        node = column


def _unheaded_name(tree: Tree, title: int | None) -> str:
    """The ``<title>`` of a page whose main heading is not in it, as Doxygen shows it in a ``div``; else ""."""
    head = tree.find(0, "title")
    name = "" if head is None else " ".join("".join(tree.texts[head : tree.ends[head]]).split())
    heading = "" if title is None else " ".join(tree.text(title).split())
    return "" if heading and heading in name else name


def _is_apart(tree: Tree, measure: Measure, node: int, column: int, prose: int, title: int | None) -> bool:
    tag = tree.tags[node]
    if not tag or tag in _FLOW or (title is not None and node <= title < tree.ends[node]):
        return False
    if tag == tree.tags[column] and tree.get(node, "class") == tree.get(column, "class"):
        return False  # one of several sections of a text
    if node < column:
        return not measure.prose(node) and measure.chars(node) <= _LINE and tree.find(node, *HEADINGS, *_SHOWN) is None
    if measure.prose(node) > _LITTLE * prose or tree.find(node, *_SHOWN) is not None:
        return False
    names = f"{tree.get(node, 'class')} {tree.get(node, 'id')}"
    headings = (inner for inner in range(node, tree.ends[node]) if tree.tags[inner] in HEADINGS)
    if belongs(names) or _APPENDED.search(names):
        return False
    return not any(_APPENDED.search(tree.text(heading)) for heading in islice(headings, _PARAGRAPHS))
