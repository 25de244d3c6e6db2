"""Whether an element that is called like clutter holds no content either."""

from __future__ import annotations

import re
from itertools import islice

from nyxqa.builders.sources.html_flow import in_flow
from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_FEW = 60  # characters besides the links of a line that leads to other pages
_MOST = 0.35  # an element with more of the page's prose is a wrapper, whatever it is called
_LEFT = 0.3  # less of the page's prose is not its content
_ARTICLE = 200  # characters of prose that may be an article, however much is said about it below
_OTHERS = ("comments", "related")  # may be longer than the content
_CREDITS = 200  # characters
_PATH = 300
_BESIDE = 40  # characters of a line besides a date or name in it
_LONG_NAME = 12  # letters
_NEAR = 8  # nodes between the start of a section and its heading
_SECTION = re.compile(r"(?:^|[\s_-])(?:(?:sub)*section|(?:ref)?sect\d|level\d?|chapter|appendix)(?:$|[\s_-])")


def is_clutter(tree: Tree, page: Measure, node: int, kind: str, body: int, title: int | None) -> bool:
    """Whether an element that is called like clutter holds no content either."""
    if kind == "typeset":  # MathJax 2 keeps the TeX behind what it made of it
        following = range(tree.ends[node], min(tree.ends[node] + 2, len(tree)))
        return any(tree.tags[other] == "script" and not tree.dropped[other] for other in following)
    if kind == "hidden":
        if _is_panel(tree, node):
            return False
        return tree.tags[node] != "math" and tree.find(node, "math") is None
    if title is not None and node <= title < tree.ends[node]:
        return False
    prose, whole = page.prose(node), page.prose(body)
    if heading_names_it(tree, node):
        return False
    if kind in _OTHERS:
        return whole - prose >= min(_ARTICLE, whole / 2)
    if kind == "column":
        return whole - prose >= max(_ARTICLE, whole * _LEFT)
    if kind == "footer" and whole >= 4 * _FEW and prose > _MOST * whole and tree.find(node, "main", "article") is None:
        return whole - prose >= _ARTICLE
    if prose > _MOST * whole and not (whole < 4 * _FEW and kind not in ("form", "header")):
        return False
    if kind == "form":
        return prose < whole / 10 and tree.find(node, "main", "article") is None
    if kind == "header":
        return not any(tree.tags[parent] in ("main", "article") for parent in tree.ancestors(node))
    if kind == "aside":
        return not (prose and page.links(node) < _LEFT and in_flow(tree, page, node))
    if kind == "path":
        return page.chars(node) <= _PATH
    if kind == "image_credit":
        return page.chars(node) <= _CREDITS and tree.find(node, *HEADINGS, "img", "math") is None
    if kind == "credits":
        return _is_short_line(tree, page, node)
    if kind == "linked" and tree.tags[node] == "table" and tree.find(node, "th") is not None:
        return not in_flow(tree, page, node)
    if kind == "linked" and tree.find(node, "pre") is not None and page.links(node) < _LEFT:
        return False  # a listing with the name of its language, not a menu of languages
    if kind == "linked":
        return page.links(node) >= _LEFT or prose < _FEW or tree.tags[node] == "nav"
    return True


def _is_panel(tree: Tree, node: int) -> bool:
    """Whether a hidden element is the panel of a tab within an article, which the reader opens."""
    return tree.get(node, "role") == "tabpanel" and any(
        tree.tags[parent] in ("main", "article") or tree.get(parent, "role") == "main"
        for parent in tree.ancestors(node)
    )


def _is_short_line(tree: Tree, page: Measure, node: int) -> bool:
    """Whether an element, and the block that it is part of, is a line about the page, such as who wrote it and when."""
    if tree.tags[node] in ("td", "th") or tree.find(node, *HEADINGS, "img", "math") is not None:
        return False
    if tree.tags[node] in BLOCKS:
        return page.chars(node) <= _CREDITS
    line = next((parent for parent in tree.ancestors(node) if tree.tags[parent] in BLOCKS), 0)
    return page.chars(line) - page.chars(node) <= _BESIDE and tree.tags[line] not in HEADINGS


def heading_names_it(tree: Tree, node: int) -> bool:
    """Whether the id that speaks against a section was made of its heading, as documentation generators do."""
    name = re.sub(r"[\W_]+", "", tree.get(node, "id").lower())
    if not name or not (tree.tags[node] == "section" or _SECTION.search(tree.get(node, "class"))):
        return False
    shown = (i for i in tree.walk(node) if i > node and (tree.tags[i] or tree.texts[i].strip()))
    heading = next((inner for inner in islice(shown, _NEAR) if tree.tags[inner] in HEADINGS), None)
    if heading is None:
        return False
    letters = re.sub(r"[\W_]+", "", tree.text(heading).lower())
    return letters == name or (len(name) >= _LONG_NAME and bool(letters) and (letters in name or name in letters))
