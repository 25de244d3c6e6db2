"""Finds the content of a page, by what its elements are called and by how much text they hold."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import islice

from nyxqa.builders.sources.html_clutter import CONTAINERS, NOTHING, Verdict, verdict
from nyxqa.builders.sources.html_cues import drop_cue_lines
from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_FLOW = HEADINGS | {"p", "pre", "ul", "ol", "dl", "table", "blockquote", "figure"}
_LISTS = frozenset(("ul", "ol", "dl"))
_LOOKED_AT = frozenset(("a", "button", "form", "sup"))
_SIGN = re.compile(r"[^\w\s]{0,2}|\s*(?:link|permalink|anchor)\s*", re.IGNORECASE)
_DIGITS = re.compile(r"[\d\s.:*]*")
_DIRECTIONS = frozenset(("next", "prev", "previous", "up", "start", "contents", "index"))
_NEARBY = 50  # siblings looked at
_LONG_LINE = 200  # nodes; a longer line is not looked at for each of its links
_SENTENCE = 20  # characters of text beside elements
_FEW = 60  # characters besides the links of a line that leads to other pages
_MOST = 0.35  # an element with more of the page's prose is a wrapper, whatever it is called
_LEFT = 0.3  # less of the page's prose is not its content
_HALF = 0.5
_TENTH = 0.1
_ARTICLE = 200  # characters of prose that may be an article, however much is said about it below
_LONG_ARTICLE = 1000
_OTHERS = ("comments", "related")  # may be longer than the content
_CARD = 800  # characters of text that a link to another page is introduced with
_CARDS = 3
_CREDITS = 200  # characters
_BESIDE = 40  # characters of a line besides a date or name in it
_CELL = 300  # characters; a smaller cell of a table is not a column of a page
_LONG_NAME = 12  # letters
_NEAR = 8  # nodes between the start of a section and its heading
_SECTION = re.compile(r"(?:^|[\s_-])(?:(?:sub)*section|(?:ref)?sect\d|level\d?|chapter|appendix)(?:$|[\s_-])")


@dataclass(frozen=True, slots=True)
class Content:
    """What is content of a page.

    :param roots: The elements that hold it, in order.
    :param heading: The page's main heading, or None.
    :param characters: How many characters of text they hold.
    """

    roots: list[int]
    heading: int | None
    characters: int


@dataclass(slots=True)
class _Survey:
    """Elements of a page that decisions are about, in order."""

    clutter: list[tuple[int, str]] = field(default_factory=list)  # what may be clutter, with its kind
    headings: list[int] = field(default_factory=list)  # h1
    mains: list[int] = field(default_factory=list)  # what is called the main content
    containers: list[int] = field(default_factory=list)


def drop_clutter(tree: Tree) -> Content:
    """Mark what is not content as dropped and return what is left."""
    survey = _drop_tools(tree)
    page = Measure(tree)
    body = next((node for node in tree.children(0) if tree.tags[node] == "body"), 0)
    title = next((node for node in survey.headings if page.chars(node) and page.links(node) < _HALF), None)
    dropped: dict[str, list[int]] = {}
    end = 0
    for node, kind in survey.clutter:
        if node >= end and not tree.dropped[node] and _is_clutter(tree, page, node, kind, body, title):
            tree.dropped[node] = 1
            dropped.setdefault(kind, []).append(node)
            end = tree.ends[node]
    measure, roots = _undo_what_went_too_far(tree, page, body, title, dropped, survey)
    _drop_lists(tree, measure, roots[-1], title, survey.containers)
    if measure.prose(roots[-1]) >= _ARTICLE:
        drop_cue_lines(tree, measure, roots[-1], title)
    return Content(roots, title, sum(map(measure.chars, roots)))


def _undo_what_went_too_far(
    tree: Tree, page: Measure, body: int, title: int | None, dropped: dict[str, list[int]], survey: _Survey
) -> tuple[Measure, list[int]]:
    """Find the content's elements; take the largest kinds of clutter back while too little text is left."""
    others = sum(page.prose(node) for kind in _OTHERS for node in dropped.get(kind, ()))
    enough = max(_LEFT * (page.prose(body) - others), min(_ARTICLE, page.prose(body)))
    while True:
        measure = Measure(tree) if dropped else page
        roots = _main(tree, measure, body, title, survey.mains)
        if not dropped or sum(map(measure.prose, roots)) >= enough:
            return measure, roots
        largest = max(dropped, key=lambda kind: sum(map(page.prose, dropped[kind])))
        if sum(map(page.prose, dropped[largest])) < _ARTICLE / 2:
            return measure, roots
        for node in dropped.pop(largest):
            tree.dropped[node] = 0
        if not dropped:
            page = Measure(tree)


def _drop_tools(tree: Tree) -> _Survey:
    """Drop what is never content and survey the rest."""
    survey = _Survey()
    tags, node, pre_end, heading_end = tree.tags, 0, 0, 0
    seen: dict[tuple[str, int], Verdict] = {}
    while node < len(tags):
        tag = tags[node]
        if not tag:
            node += 1
            continue
        attributes = tree.attributes[node]
        key = (tag, id(attributes))  # elements with the same attributes share one mapping
        judged = seen.get(key)
        if judged is None:
            judged = seen[key] = verdict(tag, attributes)
        if tag == "pre":
            pre_end = tree.ends[node]
        elif tag in HEADINGS:
            heading_end = tree.ends[node]
        if judged is not NOTHING or tag in _LOOKED_AT:
            if _is_tool(tree, node, judged, node < heading_end):
                tree.dropped[node] = 1
                node = tree.ends[node]
                continue
            if (judged.kind and node >= pre_end) or tag == "form":
                survey.clutter.append((node, judged.kind or "form"))
        if tag == "h1":
            survey.headings.append(node)
        elif tag in CONTAINERS:
            survey.containers.append(node)
            if judged.main:
                survey.mains.append(node)
        node += 1
    return survey


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


def _is_sign(tree: Tree, node: int, in_heading: bool) -> bool:
    """Whether a link is the sign with which a heading or term links to itself."""
    if not tree.get(node, "href").startswith("#") or tree.find(node, "img", "math") is not None:
        return False
    text = tree.text(node).strip()
    return bool(_SIGN.fullmatch(text)) if in_heading else text in ("#", "\u00b6", "\u00a7", "\U0001f517", "\u21a9")


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


def _is_clutter(tree: Tree, page: Measure, node: int, kind: str, body: int, title: int | None) -> bool:
    """Whether an element that is called like clutter holds no content either."""
    if kind == "typeset":  # MathJax 2 keeps the TeX behind what it made of it
        following = range(tree.ends[node], min(tree.ends[node] + 2, len(tree)))
        return any(tree.tags[other] == "script" and not tree.dropped[other] for other in following)
    if kind == "hidden":
        return tree.tags[node] != "math" and tree.find(node, "math") is None
    if title is not None and node <= title < tree.ends[node]:
        return False
    prose, whole = page.prose(node), page.prose(body)
    if _heading_names_it(tree, node):
        return False
    if kind in _OTHERS:
        return whole - prose >= min(_ARTICLE, whole / 2)
    if prose > _MOST * whole and not (whole < 4 * _FEW and kind not in ("form", "header")):
        return False
    if kind == "form":
        return prose < whole / 10 and tree.find(node, "main", "article") is None
    if kind == "header":
        return not any(tree.tags[parent] in ("main", "article") for parent in tree.ancestors(node))
    if kind == "aside":
        return not (prose and page.links(node) < _LEFT and _in_flow(tree, page, node))
    if kind == "credits":
        return _is_short_line(tree, page, node)
    if kind == "linked" and tree.tags[node] == "table" and tree.find(node, "th") is not None:
        return not _in_flow(tree, page, node)
    if kind == "linked":
        return page.links(node) >= _LEFT or prose < _FEW or tree.tags[node] == "nav"
    return True


def _is_short_line(tree: Tree, page: Measure, node: int) -> bool:
    """Whether an element, and the block that it is part of, is a line about the page, such as who wrote it and when."""
    if tree.tags[node] in ("td", "th") or tree.find(node, *HEADINGS, "img", "math") is not None:
        return False
    if tree.tags[node] in BLOCKS:
        return page.chars(node) <= _CREDITS
    line = next((parent for parent in tree.ancestors(node) if tree.tags[parent] in BLOCKS), 0)
    return page.chars(line) - page.chars(node) <= _BESIDE and tree.tags[line] not in HEADINGS


def _heading_names_it(tree: Tree, node: int) -> bool:
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


def _in_flow(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether an element lies between paragraphs, headings or lists, not beside the columns of a page."""
    parent = tree.parents[node]
    nearby = islice((child for child in tree.children(parent) if child != node and not tree.dropped[child]), _NEARBY)
    return parent >= 0 and any(
        tree.tags[child] in _FLOW or len(tree.texts[child].strip()) >= _SENTENCE or _is_paragraph(tree, measure, child)
        for child in nearby
    )


def _is_paragraph(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether a ``div`` holds a text and no further blocks but small ones, in place of a ``p``."""
    if tree.tags[node] != "div" or tree.ends[node] - node > _LONG_LINE or measure.prose(node) < _FEW:
        return False
    return tree.find(node, *BLOCKS) is None or any(
        len(tree.texts[child].strip()) >= _SENTENCE for child in islice(tree.children(node), _NEARBY)
    )


def _main(tree: Tree, measure: Measure, body: int, title: int | None, mains: list[int]) -> list[int]:
    """Return the smallest element that holds nearly all prose, with the title or its header if they lie outside."""
    root = _descend(tree, measure, _named_main(tree, measure, body, mains), title)
    if title is None or tree.dropped[title] or root <= title < tree.ends[root] or title > root:
        return [root]
    above = [node for node in (title, *tree.ancestors(title)) if tree.ends[node] <= root]
    outer = next((node for node in reversed(above) if tree.tags[node] == "header"), title)
    # A manual page of AsciiDoc has its first section in the head of the page.
    if above and _holds_section(tree, above[-1], title):
        outer = above[-1]
    return [outer, root]


def _holds_section(tree: Tree, node: int, title: int) -> bool:
    """Whether a heading and a paragraph follow the title inside an element."""
    heading = next((i for i in range(tree.ends[title], tree.ends[node]) if tree.tags[i] in HEADINGS), None)
    return heading is not None and any(
        tree.tags[inner] == "p" and not tree.dropped[inner] for inner in range(tree.ends[heading], tree.ends[node])
    )


def _named_main(tree: Tree, measure: Measure, body: int, mains: list[int]) -> int:
    """Return the element that says to be the content and holds most of the prose, else ``body``."""
    weigh = measure.prose if measure.prose(body) >= _ARTICLE else measure.chars
    most = _HALF * weigh(body)
    found = body
    for node in mains:
        if weigh(node) > most:
            found = node
            if tree.tags[node] == "main":
                break
    return found


def _descend(tree: Tree, measure: Measure, root: int, title: int | None) -> int:
    """Go down into the child that holds the prose, while what is left beside it is links and small print."""
    while True:
        inner = [node for node in tree.children(root) if not tree.dropped[node]]
        if not inner or any(tree.texts[node].strip() for node in inner):
            return root
        best = max(inner, key=measure.prose)
        prose = measure.prose(best)
        if tree.tags[best] in _FLOW or not prose:
            return root
        beside = [node for node in inner if node != best and measure.chars(node)]
        if any(not _is_small_print(tree, measure, node, prose, title) for node in beside):
            return root
        if _holds_images(tree, beside) or (title is not None and title > best and title < tree.ends[root]):
            return root
        root = best


def _drop_lists(tree: Tree, measure: Measure, root: int, title: int | None, containers: list[int]) -> None:
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
            or _belongs(tree.get(node, "class"))
            or measure.chars(node) < (_CELL if tree.tags[node] == "td" else 1)
            or (title is not None and node <= title < tree.ends[node])
        ):
            continue
        own = measure.prose(node)
        box = own <= prose / 10 and measure.links(node) >= _HALF
        if tree.tags[node] == "table" and tree.find(node, "th") is not None:
            end = tree.ends[node]
        elif box or (own <= prose * _MOST and _is_row_of_cards(tree, measure, node)):
            in_flow = _in_flow(tree, measure, node)
            if not in_flow:
                lists.append(node)
                lost += measure.chars(node)
            if not in_flow or tree.tags[node] in _LISTS:
                end = tree.ends[node]
    if lost <= _HALF * measure.chars(root) or prose > _LONG_ARTICLE:  # else the page is an index
        for node in lists:
            tree.dropped[node] = 1


def _belongs(classes: str) -> bool:
    """Whether class names say that an element is a section or the footnotes of a text, whatever links it holds."""
    return _SECTION.search(classes) is not None or "footnote" in classes


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


def _is_small_print(tree: Tree, measure: Measure, node: int, prose: int, title: int | None) -> bool:
    if tree.tags[node] in _FLOW - {"ul", "table"}:
        return node == title
    if _belongs(tree.get(node, "class")):
        return False
    if title is not None and node <= title < tree.ends[node]:
        return measure.prose(node) < _FEW
    return measure.links(node) >= _HALF and measure.prose(node) <= prose / 10


def _holds_images(tree: Tree, nodes: list[int]) -> bool:
    return any(tree.tags[node] == "figure" or tree.find(node, "figure") is not None for node in nodes)
