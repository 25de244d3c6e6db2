"""Finds the content of a page, by what its elements are called and by how much text they hold."""

from __future__ import annotations

import re
from itertools import islice

from nyxqa.builders.sources.html_clutter import Verdict, verdict
from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS, Measure
from nyxqa.builders.sources.html_tree import Tree

_FLOW = HEADINGS | {"p", "pre", "ul", "ol", "dl", "table", "blockquote", "figure"}
_MAIN_NAMES = frozenset(("content", "main-content", "main", "mw-content-text", "bodyContent"))
_MAIN_CLASSES = frozenset(("body", "document"))
_SIGN = re.compile(r"[^\w\s]{0,2}|\s*(?:link|permalink|anchor)\s*", re.IGNORECASE)
_DIGITS = re.compile(r"[\d\s.:*]*")
_DIRECTIONS = frozenset(("next", "prev", "previous", "up", "start", "contents", "index"))
_NEARBY = 50  # siblings looked at
_LONG_LINE = 200  # nodes; a longer line is not looked at for each of its links
_FEW = 60  # characters besides the links of a line that leads to other pages
_MOST = 0.35  # an element with more of the page's prose is a wrapper, whatever it is called
_LEFT = 0.3  # less of the page's prose is not its content
_HALF = 0.5
_TENTH = 0.1
_ARTICLE = 200  # characters of prose that may be an article, however much is said about it below
_OTHERS = ("comments", "related")  # may be longer than the content
_CONTAINERS = frozenset(("div", "section", "aside", "ul", "ol", "table", "td", "dl", "article"))
_CARD = 800  # characters of text that a link to another page is introduced with
_CARDS = 3


def drop_clutter(tree: Tree) -> list[int]:
    """Mark what is not content as dropped and return the elements that hold the content, in order."""
    candidates = _drop_tools(tree)
    page = Measure(tree)
    body = next((node for node in tree.children(0) if tree.tags[node] == "body"), 0)
    title = _title(tree, page)
    dropped: dict[str, list[int]] = {}
    for node, kind in candidates:
        if not _is_inside_dropped(tree, node) and _is_clutter(tree, page, node, kind, body, title):
            tree.dropped[node] = 1
            dropped.setdefault(kind, []).append(node)
    return _undo_what_went_too_far(tree, page, body, title, dropped)


def _undo_what_went_too_far(
    tree: Tree, page: Measure, body: int, title: int | None, dropped: dict[str, list[int]]
) -> list[int]:
    """Return the content's elements, with the largest kinds of clutter taken back while too little text is left."""
    others = sum(page.prose(node) for kind in _OTHERS for node in dropped.get(kind, ()))
    enough = max(_LEFT * (page.prose(body) - others), min(_ARTICLE, page.prose(body)))
    while True:
        measure = Measure(tree)
        roots = _main(tree, measure, body, title)
        if not dropped or sum(map(measure.prose, roots)) >= enough:
            _drop_lists(tree, measure, roots[-1], title)
            return roots
        largest = max(dropped, key=lambda kind: sum(map(page.chars, dropped[kind])))
        for node in dropped.pop(largest):
            tree.dropped[node] = 0


def _drop_tools(tree: Tree) -> list[tuple[int, str]]:
    """Drop what is never content and return what may be clutter, with its kind."""
    candidates: list[tuple[int, str]] = []
    tags, node, pre_end, heading_end = tree.tags, 0, 0, 0
    seen: dict[tuple[str, int], Verdict] = {}
    while node < len(tags):
        tag = tags[node]
        if not tag:
            node += 1
            continue
        key = (tag, id(tree.attributes[node]))  # elements with the same attributes share one mapping
        judged = seen.get(key)
        if judged is None:
            judged = seen[key] = verdict(tag, tree.attributes[node])
        if tag == "pre":
            pre_end = tree.ends[node]
        elif tag in HEADINGS:
            heading_end = tree.ends[node]
        if _is_tool(tree, node, judged, node < heading_end):
            tree.dropped[node] = 1
            node = tree.ends[node]
            continue
        if (judged.kind and node >= pre_end) or tag == "form":
            candidates.append((node, judged.kind or "form"))
        node += 1
    return candidates


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
    inner = next((child for child in tree.children(node) if tree.tags[child] or tree.texts[child].strip()), None)
    if inner is None or tree.tags[inner] != "a" or "#" not in tree.get(inner, "href"):
        return False
    text = tree.text(node).strip()
    return len(text) <= len(tree.text(inner).strip()) + 2 and len(text) <= 6


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


def _title(tree: Tree, page: Measure) -> int | None:
    """Return the page's main heading: the first h1 with text outside links, else None."""
    for node in tree.walk(0):
        if node >= 0 and tree.tags[node] == "h1" and page.chars(node) and page.links(node) < _HALF:
            return node
    return None


def _is_inside_dropped(tree: Tree, node: int) -> bool:
    return bool(tree.dropped[node]) or any(tree.dropped[parent] for parent in tree.ancestors(node))


def _is_clutter(tree: Tree, page: Measure, node: int, kind: str, body: int, title: int | None) -> bool:
    """Whether an element that is called like clutter holds no content either."""
    if kind == "hidden":
        return tree.tags[node] != "math" and tree.find(node, "math") is None
    if title is not None and node <= title < tree.ends[node]:
        return False
    prose, whole = page.prose(node), page.prose(body)
    if kind in _OTHERS:
        return whole - prose >= min(_ARTICLE, whole / 2)
    if prose > _MOST * whole and not (whole < 4 * _FEW and kind not in ("form", "header")):
        return False
    if kind == "form":
        return prose < whole / 10 and tree.find(node, "main", "article") is None
    if _heading_names_it(tree, node):
        return False
    if kind == "header":
        return not any(tree.tags[parent] in ("main", "article") for parent in tree.ancestors(node))
    if kind == "aside":
        return not (prose and page.links(node) < _LEFT and _in_flow(tree, node))
    if kind == "linked":
        return page.links(node) >= _LEFT or prose < _FEW or tree.tags[node] == "nav"
    return True


def _heading_names_it(tree: Tree, node: int) -> bool:
    """Whether the id that speaks against a section was made of its heading, as documentation generators do."""
    name = tree.get(node, "id")
    if not name:
        return False
    heading = tree.find(node, *HEADINGS)
    if heading is None or heading - node > 8:
        return False
    letters = re.sub(r"[\W_]+", "", tree.text(heading).lower())
    return bool(letters) and re.sub(r"[\W_]+", "", name.lower()) in (letters, f"sec{letters}")


def _in_flow(tree: Tree, node: int) -> bool:
    """Whether an element stands between paragraphs, headings or lists, not beside the columns of a page."""
    parent = tree.parents[node]
    nearby = islice((child for child in tree.children(parent) if child != node and not tree.dropped[child]), _NEARBY)
    return parent >= 0 and any(tree.tags[child] in _FLOW for child in nearby)


def _main(tree: Tree, measure: Measure, body: int, title: int | None) -> list[int]:
    """Return the smallest element that holds nearly all prose, with the title or its header if they stand outside."""
    root = _descend(tree, measure, _named_main(tree, measure, body), title)
    if title is None or tree.dropped[title] or root <= title < tree.ends[root] or title > root:
        return [root]
    above = [title, *tree.ancestors(title)]
    outer = next((node for node in reversed(above) if tree.ends[node] <= root and tree.tags[node] == "header"), title)
    return [outer, root]


def _named_main(tree: Tree, measure: Measure, body: int) -> int:
    """Return the element that says to be the content and holds most of the prose, else ``body``."""
    weigh = measure.prose if measure.prose(body) else measure.chars
    most = _HALF * weigh(body)
    found = body
    for node in tree.walk(body):
        if node < 0 or not (tag := tree.tags[node]):
            continue
        if tag not in ("main", "article") and not (tag == "div" or tag == "section" or tag == "td"):
            continue
        attributes = tree.attributes[node]
        named = (
            tag in ("main", "article")
            or attributes.get("role") == "main"
            or attributes.get("id") in _MAIN_NAMES
            or not _MAIN_CLASSES.isdisjoint(attributes.get("class", "").split())
        )
        if named and weigh(node) > most:
            found = node
            if tag == "main":
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


def _drop_lists(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop what leads to other pages from beside the text: boxes of links, and rows of cards with a few lines each."""
    prose = measure.prose(root)
    if prose < _ARTICLE:
        return
    for node in tree.walk(root):
        if node <= root or tree.tags[node] not in _CONTAINERS:
            continue
        if title is not None and node <= title < tree.ends[node]:
            continue
        own = measure.prose(node)
        box = own <= prose / 10 and measure.links(node) >= _HALF
        if (box or (own <= prose * _MOST and _is_row_of_cards(tree, measure, node))) and not _in_flow(tree, node):
            tree.dropped[node] = 1


def _is_row_of_cards(tree: Tree, measure: Measure, node: int) -> bool:
    """Whether an element holds nothing but at least three alike that each lead to another page."""
    cards = [child for child in tree.children(node) if measure.chars(child)]
    alike = {(tree.tags[child], tree.get(child, "class").partition(" ")[0]) for child in cards}
    return (
        len(cards) >= _CARDS
        and len(alike) == 1
        and tree.tags[cards[0]] in _CONTAINERS | {"li", "a"}
        and all(measure.chars(card) <= _CARD and measure.links(card) > _TENTH for card in cards)
    )


def _is_small_print(tree: Tree, measure: Measure, node: int, prose: int, title: int | None) -> bool:
    if tree.tags[node] in _FLOW - {"ul", "table"}:
        return node == title
    if title is not None and node <= title < tree.ends[node]:
        return measure.prose(node) < _FEW
    return measure.links(node) >= _HALF and measure.prose(node) <= prose / 10


def _holds_images(tree: Tree, nodes: list[int]) -> bool:
    return any(tree.tags[node] == "figure" or tree.find(node, "figure") is not None for node in nodes)
