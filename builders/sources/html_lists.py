"""Lists of links and rows of cards that lead to other pages, beside the text of this one."""

from __future__ import annotations

import re
from bisect import bisect_right

from nyxqa.builders.sources.html_clutter import CONTAINERS
from nyxqa.builders.sources.html_flow import belongs, in_flow
from nyxqa.builders.sources.html_judged import heading_names_it
from nyxqa.builders.sources.html_measure import HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_LISTS = frozenset(("ul", "ol", "dl"))
_MOST = 0.35  # an element with more of the page's prose is a wrapper, whatever it is called
_HALF = 0.5
_TENTH = 0.1
_ARTICLE = 200  # characters of prose that may be an article, however much is said about it below
_LONG_ARTICLE = 1000
_CARD = 800  # characters of text that a link to another page is introduced with
_CARDS = 3
_WHOLE = 0.95
_LINE = 160  # characters of a line that is a link
_WORDS = 5  # of a headline; fewer say what the text speaks of
_PARAGRAPH = 60  # characters of prose
_ELSEWHERE = re.compile(r"(?:https?:)?//|/")  # not a page of the same manual
_FILE = re.compile(r"\.(?!html?\b|php\b|aspx?\b|jsp\b)[a-z]\w{1,4}$", re.IGNORECASE)
_CELL = 300  # characters; a smaller cell of a table is not a column of a page


def drop_lists(tree: Tree, measure: Measure, root: int, title: int | None, containers: list[int]) -> None:
    """Drop what leads to other pages from beside the text: boxes of links, and rows of cards with a few lines each."""
    prose = measure.prose(root)
    if prose < _ARTICLE:
        return
    end, lost = root + 1, 0
    lists: list[int] = []
    for node in containers[bisect_right(containers, root) :]:
        if node >= tree.ends[root]:
            break
        if (
            node < end
            or measure.chars(node) < (_CELL if tree.tags[node] == "td" else 1)
            or (title is not None and node <= title < tree.ends[node])
        ):
            continue
        own = measure.prose(node)
        box = own <= prose / 10 and measure.links(node) >= _HALF
        if tree.tags[node] == "table" and tree.find(node, "th") is not None and not _is_named(tree, node):
            end = tree.ends[node]
        elif (box or (own <= prose * _MOST and _is_row_of_cards(tree, measure, node))) and not _is_named(tree, node):
            beside = not in_flow(tree, measure, node)
            if beside:
                lists.append(node)
                lost += measure.chars(node)
            if beside or tree.tags[node] in _LISTS:
                end = tree.ends[node]
    if lost <= _HALF * measure.chars(root) or prose > _LONG_ARTICLE:  # else the page is an index
        for node in lists:
            tree.dropped[node] = 1


def _is_named(tree: Tree, node: int) -> bool:
    return belongs(tree.get(node, "class")) or heading_names_it(tree, node)


def _is_row_of_cards(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether an element holds nothing but at least three similar ones that each lead to another page."""
    cards = [child for child in tree.children(node) if measure.chars(child)]
    cards = cards[1:] if cards and tree.tags[cards[0]] in HEADINGS else cards
    kinds = {(tree.tags[child], tree.get(child, "class").partition(" ")[0]) for child in cards}
    return (
        len(cards) >= _CARDS
        and len(kinds) == 1
        and tree.tags[cards[0]] in CONTAINERS | {"li", "a"}
        and all(measure.chars(card) <= _CARD and measure.links(card) > _TENTH for card in cards)
    )


def drop_links_between(tree: Tree, measure: Measure, root: int) -> None:
    """Drop a line, or list of lines, that is nothing but a link to another page and parts two paragraphs of a text.

    It stays behind a heading or a colon, and where it shows the address itself or leads to a file.
    """
    if measure.prose(root) < _LONG_ARTICLE:
        return
    node = root + 1
    while node < tree.ends[root]:
        if tree.dropped[node] or tree.tags[node] in ("table", "pre", "dl"):
            node = tree.ends[node]
            continue
        if tree.tags[node] in ("div", "article", "section", "main"):
            _drop_links_among(tree, measure, node)
        node += 1


def _drop_links_among(tree: Tree, measure: Measure, holder: int) -> None:
    before, link = -1, -1  # the last paragraph, and the line of links behind it
    for node in tree.children(holder):
        if tree.dropped[node] or not measure.chars(node):
            continue
        if tree.tags[node] == "p" and measure.prose(node) >= _PARAGRAPH:
            if link >= 0:
                tree.dropped[link] = 1
            before, link = node, -1
        elif before >= 0 and link < 0 and _leads_elsewhere(tree, measure, node):
            link = -1 if tree.text(before).rstrip().endswith((":", "\uff1a")) else node
            before = -1
        else:
            before = link = -1


def _leads_elsewhere(tree: Tree, measure: Measure, node: int) -> bool:
    tag = tree.tags[node]
    if tag == "ul":
        items = [item for item in tree.children(node) if measure.chars(item)]
        return len(items) > 1 and all(_is_link(tree, measure, item) for item in items)
    return tag == "p" and _is_link(tree, measure, node)


def _is_link(tree: Tree, measure: Measure, node: int) -> bool:
    if measure.chars(node) > _LINE or measure.links(node) < _WHOLE or tree.find(node, "img", "math") is not None:
        return False
    link = tree.find(node, "a")
    target = tree.get(link, "href") if link is not None else ""
    text = tree.text(node)
    if "://" in text or not _ELSEWHERE.match(target) or _FILE.search(target.partition("://")[2].partition("/")[2]):
        return False
    return len(text.split()) >= _WORDS
