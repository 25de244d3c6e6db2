"""Whether an element lies in the flow of a text or beside it."""

from __future__ import annotations

import re
from itertools import islice

from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_FLOW = HEADINGS | {"p", "pre", "ul", "ol", "dl", "table", "blockquote", "figure"}
_NEARBY = 50  # siblings looked at
_LONG_LINE = 200  # nodes; a longer line is not looked at for each of its links
_SENTENCE = 20  # characters of text beside elements
_FEW = 60  # characters besides the links of a line that leads to other pages
_SECTION = re.compile(r"(?:^|\s)(?:(?:sub)*section|(?:ref)?sect\d|level\d?|chapter|appendix)(?:$|[\s_-])")


def in_flow(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether an element lies between paragraphs, headings or lists, not beside the columns of a page."""
    if tree.tags[node] == "table":
        node = _box_of(tree, measure, node)
    parent = tree.parents[node]
    nearby = islice((child for child in tree.children(parent) if child != node and not tree.dropped[child]), _NEARBY)
    return parent >= 0 and any(
        tree.tags[child] in _FLOW or len(tree.texts[child].strip()) >= _SENTENCE or _is_paragraph(tree, measure, child)
        for child in nearby
    )


def _box_of(tree: Tree, measure: Measure, table: int) -> int:
    """The outermost ``div`` that holds a table alone, as gtk-doc and DocBook put around each, or the table itself."""
    while (parent := tree.parents[table]) >= 0:
        if tree.tags[parent] != "div" or measure.chars(parent) != measure.chars(table):
            break
        table = parent
    return table


def _is_paragraph(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether a ``div`` holds a text and no further blocks but small ones, in place of a ``p``."""
    if tree.tags[node] != "div" or tree.ends[node] - node > _LONG_LINE or measure.prose(node) < _FEW:
        return False
    return tree.find(node, *BLOCKS) is None or any(
        len(tree.texts[child].strip()) >= _SENTENCE for child in islice(tree.children(node), _NEARBY)
    )


def belongs(classes: str) -> bool:
    """Whether class names say that an element is a section or the footnotes of a text, whatever links it holds."""
    return _SECTION.search(classes) is not None or "footnote" in classes
