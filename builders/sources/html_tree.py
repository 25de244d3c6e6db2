"""An HTML page as the tree that browsers build of it, in arrays."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, count
from sys import intern
from typing import cast

from turbohtml import TokenType, tokenize
from turbohtml.saxparse import SaxHandler, sax_parse

MAX_NODES = 5_000_000  # of what a hostile page may be made to repeat; see ``_repeated``
# Nodes that any page may have, and beyond them as many as a tag of the page: an element that is not closed is opened
# anew in each block, and so may be a few dozen of them, but not a page of 90 kB in four million nodes.
FEW_NODES = 250_000
NODES_A_TAG = 8
# A second ``html`` or ``body`` tag gives its attributes to the first, which the parser compares one by one.
MAX_MERGED_TAGS = 500
MAX_MERGED_ATTRIBUTES = 5_000
_MERGED = re.compile(r"<(?i:html|body)[\s/]")  # a sign with one case alone is found fast
_FEW_TAGS, _SHORT_TAG = 5, re.compile(r"<[^<>\"']{1,900}>")  # with some hundred attributes at most
_LONGEST_TAG = 200_000
_DEPTH = 512  # the parser stops to nest there, as browsers do
_FORMATTING = re.compile(r"<(/?)((?i:b|big|code|em|font|i|s|small|strike|strong|tt|u))[\s/>]")
_SHORT_NAME, _LINE_NUMBERS = 2, ("ln", "gl")  # of classes in code
_Attributes = tuple[tuple[str, str | None], ...]
_NO_ATTRIBUTES: Mapping[str, str] = {}


class TooManyNodesError(ValueError):
    """A page of which the HTML standard makes far more than stands in it."""


class Tree:
    """Elements and texts of a page, numbered in document order; node 0 is ``html``.

    Comments, doctype and processing instructions are left out, and the elements that colour words of code in ``pre``,
    half of the nodes of a manual. All lists have one entry for each node:

    :ivar tags: The element's name, of MathML and SVG too; "" for a text.
    :ivar texts: The text; "" for an element.
    :ivar attributes: Attributes by name in lower case.
    :ivar parents: Number of the parent; -1 for ``html``.
    :ivar ends: Number of the first node behind the subtree, so that ``range(node, ends[node])`` is the subtree.
    :ivar kinds: Number of the element's name and attributes in ``names``, which elements alike share; 0 for a text.
    :ivar dropped: 1 where the subtree is left out by ``walk``.
    :ivar names: Name and attributes of each kind of element; not of each node.
    """

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[Mapping[str, str]] = []
        self.parents = array("i")
        self.ends = array("i")
        self.kinds = array("i")
        self.names: list[tuple[str, Mapping[str, str]]] = [("", _NO_ATTRIBUTES)]
        self.dropped = bytearray()

    def __len__(self) -> int:
        return len(self.tags)

    def get(self, node: int, name: str) -> str:
        """Return an attribute's value; "" if it is absent or empty."""
        return self.attributes[node].get(name, "")

    def has(self, node: int, name: str) -> bool:
        """Return whether the element has the attribute, with or without a value."""
        return name in self.attributes[node]

    def become(self, node: int, tag: str, attributes: Mapping[str, str]) -> None:
        """Give an element another name and other attributes."""
        self.tags[node], self.attributes[node], self.kinds[node] = tag, attributes, len(self.names)
        self.names.append((tag, attributes))

    def of_kinds(self, chosen: Sequence[object]) -> list[int]:
        """Return the nodes whose kind, the index, is true in ``chosen``."""
        return list(compress(count(), map(chosen.__getitem__, self.kinds)))

    def named(self, names: frozenset[str], start: int, end: int) -> list[int]:
        """Return those of the nodes from ``start`` to before ``end`` that have one of the names."""
        return list(compress(range(start, end), map(names.__contains__, self.tags[start:end])))

    def classes(self, node: int) -> list[str]:
        """Return the class names of an element."""
        return self.attributes[node].get("class", "").split()

    def children(self, node: int) -> Iterator[int]:
        """Yield the elements and texts directly inside ``node``."""
        child, end = node + 1, self.ends[node]
        while child < end:
            yield child
            child = self.ends[child]

    def ancestors(self, node: int) -> Iterator[int]:
        """Yield the parent, its parent and so on up to ``html``."""
        parents = self.parents
        while (node := parents[node]) >= 0:
            yield node

    def find(self, node: int, *tags: str) -> int | None:
        """Return the first element inside ``node`` with one of the names, or None."""
        names = self.tags
        return next((inner for inner in range(node + 1, self.ends[node]) if names[inner] in tags), None)

    def shown(self, nodes: Iterable[int]) -> Iterator[int]:
        """Yield those of ``nodes``, which are in order, that are not in a dropped subtree when their turn comes."""
        ends, at = self.ends, 0
        for node in nodes:
            while node >= at and (gone := self.dropped.find(1, at, node + 1)) >= 0:
                at = ends[gone]
            if node >= at:
                at = node  # it may be dropped before the next one's turn
                yield node

    def walk(self, root: int) -> Iterator[int]:
        """Yield each node of a subtree where it starts and, for an element, ``~node`` where it ends.

        Subtrees with ``dropped`` set are left out.
        """
        tags, ends, dropped = self.tags, self.ends, self.dropped
        stack: list[int] = []
        node, end = root, ends[root]
        while node < end:
            while stack and ends[stack[-1]] <= node:
                yield ~stack.pop()
            if dropped[node]:
                node = ends[node]
                continue
            yield node
            if tags[node]:
                stack.append(node)
            node += 1
        while stack:
            yield ~stack.pop()

    def text(self, node: int) -> str:
        """Return the text inside ``node``, without what is dropped."""
        return "".join(self.texts[inner] for inner in self.walk(node) if inner >= 0)


def parse_html(text: str) -> Tree:
    """Return the tree of a page.

    :raises TooManyNodesError: If the HTML standard makes the tree far larger than the page.
    """
    repeated = _repeated(text)
    if repeated > MAX_NODES:
        raise TooManyNodesError(f"elements that are not closed make up to {repeated} nodes, at most {MAX_NODES}")
    _limit_merged(text)
    return _build(text, max(FEW_NODES, NODES_A_TAG * text.count("<")))


def _build(text: str, most: int) -> Tree:
    """Fill a tree from the events of the parser.

    :param most: Most nodes.
    :raises TooManyNodesError: If there are more.
    """
    tree = Tree()
    sax_parse(text, _handler(tree, most))
    tree.tags = list(map([tag for tag, _ in tree.names].__getitem__, tree.kinds))
    tree.attributes = list(map([attributes for _, attributes in tree.names].__getitem__, tree.kinds))
    tree.dropped = bytearray(len(tree))
    return tree


def _handler(tree: Tree, most: int) -> SaxHandler:
    """Return what adds nodes to a tree; closures, because they are called for every node and look up no attribute."""
    handler, kind_of = SaxHandler(), _kinds(tree.names)
    texts, parents, ends = tree.texts, tree.parents, tree.ends
    add_text, add_parent, add_end, add_kind = texts.append, parents.append, ends.append, tree.kinds.append
    opened = pre = -1
    in_pre: list[bool] = []  # for each element open inside ``pre`` whether it is a node
    run: list[str] = []  # the pieces of the last node, a text inside ``pre``

    def start_element(tag: str, attrs: _Attributes) -> None:
        nonlocal opened, pre
        if pre >= 0:
            is_node = tag != "span" or not _is_highlighting(attrs)
            in_pre.append(is_node)
            if not is_node:
                return
            end_run()
        add_parent(opened)
        opened = len(texts)
        if opened >= most:
            raise TooManyNodesError(f"elements that are not closed make more than {most} nodes")
        if tag == "pre" and pre < 0:
            pre = opened
        add_text("")
        add_kind(kind_of(tag, attrs))
        add_end(0)

    def end_element(tag: str) -> None:
        nonlocal opened, pre
        if pre >= 0:
            if in_pre and not in_pre.pop():
                return
            end_run()
            if opened == pre:
                pre = -1
        ends[opened] = len(texts)
        opened = parents[opened]

    def characters(data: str) -> None:
        if run:
            run.append(data)
            return
        if pre >= 0:
            run.append(data)
        add_parent(opened)
        add_text(data)
        add_kind(0)
        add_end(len(texts))

    def end_run() -> None:
        if len(run) > 1:
            texts[-1] = "".join(run)
        run.clear()

    handler.start_element = start_element  # type: ignore[method-assign]
    handler.end_element = end_element  # type: ignore[method-assign]
    handler.characters = characters  # type: ignore[method-assign]
    return handler


def _kinds(names: list[tuple[str, Mapping[str, str]]]) -> Callable[[str, _Attributes], int]:
    """Return what numbers the elements of the same name and attributes, and adds new ones to ``names``."""
    kinds_of: defaultdict[str, dict[_Attributes, int]] = defaultdict(dict)

    def kind_of(tag: str, attrs: _Attributes) -> int:
        kinds = kinds_of[tag]
        kind = kinds.get(attrs)
        if kind is None:
            kind = kinds[attrs] = len(names)
            names.append((intern(tag), _mapping(attrs)))
        return kind

    return kind_of


def _is_highlighting(attrs: _Attributes) -> bool:
    """Whether a ``span`` only has the class of one or two letters that Pygments and its kind give each word of code."""
    if len(attrs) != 1 or attrs[0][0] != "class":
        return False
    name = attrs[0][1] or ""
    return 0 < len(name) <= _SHORT_NAME and name not in _LINE_NUMBERS


def _mapping(attrs: _Attributes) -> Mapping[str, str]:
    if not attrs:
        return _NO_ATTRIBUTES
    found = dict(attrs)
    if None in found.values():
        found = {name: value or "" for name, value in attrs}
    return cast(dict[str, str], found)


def _repeated(text: str) -> int:
    """Return an upper bound of the nodes that unclosed formatting elements make, 0 for a page of ordinary length.

    The HTML standard opens such an element again in each block that follows, so that n elements may become n * n nodes.
    """
    tags = text.count("<")
    if tags * _DEPTH <= MAX_NODES:
        return 0
    unclosed: Counter[str] = Counter()
    total = most = 0
    for slash, name in _FORMATTING.findall(text):
        name = name.lower()
        if not slash:
            unclosed[name] += 1
            total += 1
            most = max(most, total)
        elif unclosed[name]:
            unclosed[name] -= 1
            total -= 1
    return tags * min(most, _DEPTH)


def _limit_merged(text: str) -> None:
    """Refuse a page whose ``html`` and ``body`` tags, if there are several, have too many attributes to merge.

    :raises TooManyNodesError: If there are too many of them.
    """
    starts = [match.start() for match in _MERGED.finditer(text)]
    if len(starts) <= _FEW_TAGS and all(_SHORT_TAG.match(text, start) for start in starts):
        return
    if len(starts) > MAX_MERGED_TAGS:
        raise TooManyNodesError(f"{len(starts)} tags of html and body, at most {MAX_MERGED_TAGS} are taken")
    attributes = 0
    for start in starts:
        token = next(iter(tokenize(text[start : start + _LONGEST_TAG])), None)
        if token is not None and token.type is TokenType.START_TAG:
            attributes += len(token.attrs or ())
        elif len(text) - start > _LONGEST_TAG:  # the tag does not end within it
            attributes = MAX_MERGED_ATTRIBUTES + 1
        if attributes > MAX_MERGED_ATTRIBUTES:
            raise TooManyNodesError(f"html and body have more than {MAX_MERGED_ATTRIBUTES} attributes")
