"""Small boxes about the site or its authors within the content, told by their first words or by what they ask for."""

from __future__ import annotations

import re

from nyxqa.builders.sources.html_measure import HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_LONG_ARTICLE = 1000
_BOX = 400  # characters of a box that asks for an address, or tells of an author
_PART = 0.2  # of the prose; a box with more of it is a part of the text
_LINE = 80  # characters of a heading
_LEVELS = 8  # of boxes in boxes
_LETTER = re.compile(
    r"newsletter|subscri|sign(?:ing)? up|in ?box|mailing ?list|abonn|anmeld|inscri|suscr|iscriv|aanmeld|"
    r"prenumer|tilmeld|"
    r"\u0440\u0430\u0441\u0441\u044b\u043b\u043a|\u043f\u043e\u0434\u043f\u0438\u0441|"
    r"\u30e1\u30eb\u30de\u30ac|\u8a02\u95b1|\u8ba2\u9605",
    re.IGNORECASE,
)
_AUTHOR = re.compile(
    r"(?:about the (?:authors?|writer)|\u00fcber (?:den|die) autor(?:in|en|innen|\*innen)?|"
    r"(?:zum|zur) autor(?:in)?|"
    r"\u00e0 propos de l.auteure?|(?:sobre|acerca de) (?:el autor|la autora|o autor|a autora)|"
    r"(?:sull.|l.)autor[ei]|over de auteur|om (?:forfatteren|f\u00f6rfattaren)|o autorze|"
    r"\u043e\u0431 \u0430\u0432\u0442\u043e\u0440\u0435|\u5173\u4e8e\u4f5c\u8005|\u4f5c\u8005\u7b80\u4ecb|"
    r"\u3053\u306e\u8a18\u4e8b\u3092\u66f8\u3044\u305f\u4eba)[\s:.]*",
    re.IGNORECASE,
)


def drop_asides(tree: Tree, measure: Measure, root: int, title: int | None, addresses: list[int]) -> None:
    """Drop from below ``root`` the boxes that ask for a reader's address, and the one about the author at the end.

    :param addresses: Fields for an e-mail address.
    """
    for node in addresses:
        if root < node < tree.ends[root]:
            _drop_letter_box(tree, measure, root, title, node)
    if measure.prose(root) >= _LONG_ARTICLE:
        _drop_author_box(tree, measure, root, title)


def _drop_letter_box(tree: Tree, measure: Measure, root: int, title: int | None, field: int) -> None:
    box = -1
    for level, parent in enumerate(tree.ancestors(field)):
        if parent <= root or level > _LEVELS or tree.tags[parent] in ("main", "article", "body", "table"):
            break
        if title is not None and parent <= title < tree.ends[parent]:
            break
        if measure.chars(parent) > _BOX or measure.prose(parent) > _PART * measure.prose(root):
            break
        if tree.dropped[parent]:
            continue
        if box >= 0 and not _all_about_it(tree, measure, parent, box):
            break
        box = parent
    if box >= 0 and _LETTER.search(tree.text(box)) and tree.find(box, "pre", "table", "math") is None:
        tree.dropped[box] = 1


def _all_about_it(tree: Tree, measure: Measure, parent: int, box: int) -> bool:
    """Whether what stands beside a box speaks of the letter as well, or is a short line."""
    return all(
        child <= box < tree.ends[child] or measure.chars(child) <= _LINE or _LETTER.search(tree.text(child)) is not None
        for child in tree.children(parent)
    )


def _drop_author_box(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop the heading over what is said of the author and what follows it, if that ends the text."""
    headings = tree.shown(tree.named(HEADINGS, root + 1, tree.ends[root]))
    last = max((node for node in headings if node != title and measure.chars(node) <= _LINE), default=-1)
    if last < 0 or not _AUTHOR.fullmatch(" ".join(tree.text(last).split())):
        return
    rest = [last]
    for node in (last, *tree.ancestors(last)):
        if node <= root:
            break
        parent = tree.parents[node]
        rest += [child for child in tree.children(parent) if child > node and measure.chars(child)]
    if sum(map(measure.chars, rest)) <= _BOX:
        for node in rest:
            tree.dropped[node] = 1
