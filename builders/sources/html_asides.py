"""Small boxes about the site or its authors within the content, told by their first words or by what they ask for."""

from __future__ import annotations

import re

from nyxqa.builders.sources.html_cue_words import OVER_LINKS
from nyxqa.builders.sources.html_measure import HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_LONG_ARTICLE = 1000
_BOX = 400  # characters of a box that asks for an address, or tells of an author
_PART = 0.2  # of the prose; a box with more of it is a part of the text
_BIOGRAPHY = 1_500  # characters
_BOXES = 4_000
_HALF = 0.5
_LEAST = 6  # letters; shorter headings say too little
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
    r"(?:about the (?:authors?|writers?|reviewers?|contributors?|editors?)|"
    r"\u00fcber (?:den|die) autor(?:in|en|innen|\*innen)?|"
    r"(?:zum|zur) autor(?:in)?|"
    r"\u00e0 propos de l.auteure?|(?:sobre|acerca de) (?:el autor|la autora|o autor|a autora)|"
    r"(?:sull.|l.)autor[ei]|over de auteur|om (?:forfatteren|f\u00f6rfattaren)|o autorze|"
    r"\u043e\u0431 \u0430\u0432\u0442\u043e\u0440\u0435|\u5173\u4e8e\u4f5c\u8005|\u4f5c\u8005\u7b80\u4ecb|"
    r"\u3053\u306e\u8a18\u4e8b\u3092\u66f8\u3044\u305f\u4eba)[\s:.]*",
    re.IGNORECASE,
)


def drop_asides(tree: Tree, measure: Measure, root: int, title: int | None, addresses: list[int]) -> None:
    """Drop from below ``root`` the boxes that ask for a reader's address, or tell of authors and of other articles.

    :param addresses: Fields for an e-mail address.
    """
    for node in addresses:
        if root < node < tree.ends[root]:
            _drop_letter_box(tree, measure, root, title, node)
    if measure.prose(root) >= _LONG_ARTICLE:
        _drop_boxes(tree, measure, root, title)


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


def _drop_boxes(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop from the last half of a text the boxes whose heading says that they are about authors or other articles."""
    whole = measure.prose(root)
    for node in tree.shown(tree.named(HEADINGS, root + 1, tree.ends[root])):
        if node == title or not 0 < measure.chars(node) <= _LINE or measure.prose_before(node, root) < _HALF * whole:
            continue
        text = " ".join(tree.text(node).split())
        author = _AUTHOR.fullmatch(text) is not None
        if not author and (len(text) < _LEAST or not OVER_LINKS.fullmatch(text)):
            continue
        box = _box(tree, measure, root, title, node)
        if sum(map(measure.chars, box)) > (_BIOGRAPHY if author else _BOXES):
            continue
        if sum(map(measure.prose, box)) <= _PART * whole and (author or _lead_elsewhere(tree, box)):
            for other in box:
                tree.dropped[other] = 1


def _box(tree: Tree, measure: Measure, root: int, title: int | None, heading: int) -> list[int]:
    """Return the element that begins with a heading, or the heading with what follows it up to the next of its rank."""
    node, most = heading, _PART * measure.prose(root)
    while (parent := tree.parents[node]) > root and measure.prose(parent) <= most:
        if measure.chars_before(node, parent) or (title is not None and parent <= title < tree.ends[parent]):
            break
        node = parent
    if measure.chars(node) > measure.chars(heading):
        return [node]
    box = [node]
    for other in tree.children(tree.parents[node]):
        if other > node:
            if tree.tags[other] in HEADINGS and tree.tags[other] <= tree.tags[heading]:
                break
            box.append(other)
    return box


def _lead_elsewhere(tree: Tree, nodes: list[int]) -> bool:
    return any(
        tree.tags[inner] == "a" and not tree.get(inner, "href").startswith("#")
        for node in nodes
        for inner in range(node, tree.ends[node])
    )
