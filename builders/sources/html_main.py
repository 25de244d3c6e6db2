"""Finds the content of a page, by what its elements are called and by how much text they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

from nyxqa.builders.sources.html_around import drop_around
from nyxqa.builders.sources.html_asides import drop_asides
from nyxqa.builders.sources.html_authors import drop_authors
from nyxqa.builders.sources.html_cues import drop_cue_lines
from nyxqa.builders.sources.html_flow import belongs
from nyxqa.builders.sources.html_judged import is_clutter
from nyxqa.builders.sources.html_leftovers import drop_leftovers
from nyxqa.builders.sources.html_lists import drop_links_between, drop_lists
from nyxqa.builders.sources.html_measure import HEADINGS, Measure
from nyxqa.builders.sources.html_table import is_data
from nyxqa.builders.sources.html_tools import Survey, drop_tools
from nyxqa.builders.sources.html_tree import Tree

_FLOW = HEADINGS | {"p", "pre", "ul", "ol", "dl", "table", "blockquote", "figure"}
_FEW = 60  # characters besides the links of a line that leads to other pages
_LEFT = 0.3  # less of the page's prose is not its content
_HALF = 0.5
_ARTICLE = 200  # characters of prose that may be an article, however much is said about it below
_LONG_ARTICLE = 1000
_TABULAR = frozenset(("table", "tbody", "tr", "td"))
_COPYRIGHT = re.compile(r"\W*(?:copyright\b|\u00a9|\(c\))", re.IGNORECASE)
_OTHERS = ("comments", "related")  # may be longer than the content
# What is not taken back while there is any text beside it.
_SURE = frozenset(
    ("footer", "notice", "sign_up", "share", "advertisement", "credits", "image_credit", "path", "rating")
)

_TYPE = "DiscussionForumPosting"
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES = re.compile(
    r"(?:^|[\s_-])(?:forums?|threads?|show-?thread|thread-?view\w*|view-?topic|discussions?)(?=$|[\s_-])"
)
# Of an address: a host such as forum.example.org, or a part such as /forum/, /travel-forum/, ?threads, viewtopic.php.
_ADDRESS = re.compile(
    r"//(?:forums?|boards?|discuss(?:ions?)?)\.|[/?](?:[a-z]+-)?(?:forums?|threads?|discussions?)(?=[/?.=]|$)|"
    r"/(?:viewtopic|showthread)\b",
    re.IGNORECASE,
)


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


def drop_clutter(tree: Tree) -> Content:
    """Mark what is not content as dropped and return what is left."""
    survey = drop_tools(tree)
    page = Measure(tree)
    body = next((node for node in tree.children(0) if tree.tags[node] == "body"), 0)
    title = _title(tree, page, survey.headings)
    dropped: dict[str, list[int]] = {}
    end = 0
    posts = _posts(tree, page, survey)
    for node, kind in survey.clutter:
        if node in posts:
            continue
        if node >= end and not tree.dropped[node] and is_clutter(tree, page, node, kind, body, title):
            tree.dropped[node] = 1
            dropped.setdefault(kind, []).append(node)
            end = tree.ends[node]
    measure, roots = _undo_what_went_too_far(tree, page, body, title, dropped, survey)
    drop_lists(tree, measure, roots[-1], title, survey.containers)
    if measure.prose(roots[-1]) >= _ARTICLE:
        drop_asides(tree, measure, roots[-1], title, survey.addresses)
        drop_cue_lines(tree, measure, roots[-1], title)
        drop_links_between(tree, measure, roots[-1])
        drop_authors(tree, measure, roots[-1], title)
        drop_around(tree, measure, roots[-1], title)
        drop_leftovers(tree, measure, roots[-1], title, survey.containers)
    return Content(roots, title, sum(map(measure.chars, roots)))


def _posts(tree: Tree, page: Measure, survey: Survey) -> set[int]:
    """Return what is named comments on a page that is a discussion, but for the field to write one in."""
    named = [node for node, kind in survey.clutter if kind == "comments"]
    if not named or not is_discussion(tree):
        return set()
    return {node for node in named if page.prose(node) >= _ARTICLE or tree.find(node, "textarea") is None}


def _title(tree: Tree, page: Measure, headings: list[int]) -> int | None:
    """Return the first heading that is no link, such as one to the front page, or else one that begins the title."""
    shown = [node for node in headings if page.chars(node)]
    free = next((node for node in shown if page.links(node) < _HALF), None)
    head = tree.find(0, "title")
    if free is not None or head is None:
        return free
    title = " ".join("".join(tree.texts[head : tree.ends[head]]).split())
    return next((node for node in shown if title.startswith(" ".join(tree.text(node).split()))), None)


def _undo_what_went_too_far(
    tree: Tree, page: Measure, body: int, title: int | None, dropped: dict[str, list[int]], survey: Survey
) -> tuple[Measure, list[int]]:
    """Find the content's elements; take the largest kinds of clutter back while too little text is left."""
    others = sum(page.prose(node) for kind in _OTHERS for node in dropped.get(kind, ()))
    hidden = sum(page.prose(node) for node in dropped.get("hidden", ()))
    if page.prose(body) - hidden >= _LONG_ARTICLE:  # copies for other screens and what scripts show later
        others += hidden
    enough = max(_LEFT * (page.prose(body) - others), min(_ARTICLE, page.prose(body)))
    measure = page.without(tree, sorted(chain.from_iterable(dropped.values())))
    while True:
        roots = _main(tree, measure, body, title, survey.mains)
        left = sum(map(measure.prose, roots))
        doubtful = [kind for kind in dropped if kind not in _SURE or left < _FEW]
        if not doubtful or left >= enough:
            return measure, roots
        largest = max(doubtful, key=lambda kind: sum(map(page.prose, dropped[kind])))
        if sum(map(page.prose, dropped[largest])) < _ARTICLE / 2:
            return measure, roots
        for node in dropped.pop(largest):
            tree.dropped[node] = 0
        measure = Measure(tree)


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
        if not prose or (tree.tags[best] in _FLOW and not _is_layout(tree, best)):
            return root
        beside = [node for node in inner if node != best and measure.chars(node)]
        if any(not _is_small_print(tree, measure, node, prose, title) for node in beside):
            return root
        if _holds_images(tree, beside) or (title is not None and title > best and title < tree.ends[root]):
            return root
        root = best


def _is_layout(tree: Tree, node: int) -> bool:
    return tree.tags[node] == "table" and not is_data(tree, node)


def _is_small_print(tree: Tree, measure: Measure, node: int, prose: int, title: int | None) -> bool:
    if tree.tags[node] in _FLOW - {"ul", "table"}:
        return node == title
    if belongs(tree.get(node, "class")) or (tree.tags[node] in _TABULAR and _holds_heading(tree, measure, node)):
        return False
    if title is not None and node <= title < tree.ends[node]:
        return measure.prose(node) < _FEW
    if measure.chars(node) <= _ARTICLE and _COPYRIGHT.match(tree.text(node)):
        return True
    return measure.links(node) >= _HALF and measure.prose(node) <= prose / 10


def _holds_heading(tree: Tree, measure: Measure, node: int) -> bool:
    return any(
        tree.tags[inner] in HEADINGS and measure.chars(inner) and measure.links(inner) < _HALF
        for inner in range(node, tree.ends[node])
    )


def _holds_images(tree: Tree, nodes: list[int]) -> bool:
    return any(tree.tags[node] == "figure" or tree.find(node, "figure") is not None for node in nodes)


def is_discussion(tree: Tree) -> bool:
    """Whether a page says that it is a thread of a forum: by its markup, its address or the names of its body."""
    outer = [node for node in (0, *tree.children(0)) if tree.tags[node] != "head"]
    names = " ".join(f"{tree.get(node, 'class')} {tree.get(node, 'id')}" for node in outer)
    if _NAMES.search(_CAMEL.sub("-", names).lower()):
        return True
    for node, tag in enumerate(tree.tags):
        if tag == "script":
            if "ld+json" in tree.get(node, "type") and _TYPE in "".join(tree.texts[node : tree.ends[node]]):
                return True
        elif tag == "link" and tree.get(node, "rel") == "canonical":
            if _ADDRESS.search(tree.get(node, "href")):
                return True
        elif tag == "meta" and tree.get(node, "property") == "og:url":
            if _ADDRESS.search(tree.get(node, "content")):
                return True
        elif tag and _TYPE in tree.get(node, "itemtype"):
            return True
    return False
