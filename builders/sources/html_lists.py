"""Lists of links and rows of cards that lead to other pages, beside the text of this one."""

from __future__ import annotations

from bisect import bisect_right

from nyxqa.builders.sources.html_clutter import CONTAINERS
from nyxqa.builders.sources.html_flow import belongs, in_flow
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
            or belongs(tree.get(node, "class"))
            or measure.chars(node) < (_CELL if tree.tags[node] == "td" else 1)
            or (title is not None and node <= title < tree.ends[node])
        ):
            continue
        own = measure.prose(node)
        box = own <= prose / 10 and measure.links(node) >= _HALF
        if tree.tags[node] == "table" and tree.find(node, "th") is not None:
            end = tree.ends[node]
        elif box or (own <= prose * _MOST and _is_row_of_cards(tree, measure, node)):
            beside = not in_flow(tree, measure, node)
            if beside:
                lists.append(node)
                lost += measure.chars(node)
            if beside or tree.tags[node] in _LISTS:
                end = tree.ends[node]
    if lost <= _HALF * measure.chars(root) or prose > _LONG_ARTICLE:  # else the page is an index
        for node in lists:
            tree.dropped[node] = 1


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
