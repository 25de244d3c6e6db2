"""Images as browsers show them: late-loading, responsive and embedded ones become plain images of the tree.

A background in a ``style`` is an image of the content if its element says to be a picture, by its class, its role or
the figure around it; else it is decoration, as are backgrounds of style sheets. So are buttons that are pictures
(``<input type="image">``), which take the reader elsewhere. The poster of a video, and a picture inside an ``<svg>``,
stand for the whole of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from nyxqa.builders.sources.html_tree import Tree
from nyxqa.builders.sources.image_candidates import (
    IMAGE_NAME,
    LAZY_SETS,
    NO_SOURCES,
    IsFile,
    Sources,
    base_of,
    best_reference,
    cleaned,
    is_placeholder,
    no_file,
    resolve,
)

_IMAGES = frozenset(("img", "amp-img", "amp-anim"))
# Elements whose picture a script puts inside, by the same attributes as those of an image.
_HOLDERS = frozenset(("figure", "div", "span", "picture"))
_HOLDER_ATTRIBUTES = frozenset(
    ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-srcset", "data-full-src")
)
_LOOKED_AT = _IMAGES | {"noscript", "object", "button", "picture", "video", "svg"}
_BACKED = frozenset(("figure", "div", "span", "a", "section", "header", "li"))
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*([\"']?)([^\"')]+)\1\s*\)", re.IGNORECASE)
_LATE_BACKGROUNDS = ("data-bg", "data-background-image", "data-background")
_PICTURE_NAMES = r"hero|figure|gallery|photos?|pictures?|images?|img|thumb\w*|cover|slide|poster|featured"
_PICTURE = re.compile(rf"(?:^|[\s_-])(?:{_PICTURE_NAMES})(?=$|[\s_-])", re.IGNORECASE)
_INSIDE = (*_IMAGES, "noscript", "object")
_ONE_PIXEL = frozenset(("0", "1", "0px", "1px"))
_MOST_SOURCES = 16  # of a picture that are looked at
_SMALL = 40  # nodes of an element that can be one picture; with more it is a part of the page
_SIZE_SUFFIX = re.compile(r"[-_]\d+x\d+(?=\.\w+$)|[?#].*")
_MIN_WIDTH = re.compile(r"min-width:\s*(\d{1,5})")


def settle_images(tree: Tree, is_file: IsFile = no_file) -> None:
    """Make every image of the page an element ``img`` whose ``src`` is its best reference, "" for none.

    :param tree: Changed in place: names and attributes of image elements; twins inside ``noscript`` are dropped.
    :param is_file: Whether a reference relative to the page is a file of the source.
    """
    _Settler(tree, is_file).settle()


class _Settler:
    def __init__(self, tree: Tree, is_file: IsFile) -> None:
        self._tree, self._is_file = tree, is_file
        bases = (
            tree.of_kinds([tag == "base" for tag, _ in tree.names])
            if any(tag == "base" for tag, _ in tree.names)
            else []
        )
        first = next((node for node in bases if tree.has(node, "href")), None)
        self._base = "" if first is None else base_of(tree.get(first, "href"))
        self._pictures: dict[int, Sources] = {}
        self._image = -1  # the last image, if no text follows it
        self._twin = -1  # the last image shown out of a ``noscript``, if no text or image follows it

    def settle(self) -> None:
        tree = self._tree
        behind = 0
        for node in self._candidates():
            if node < behind:
                continue
            if (self._image >= 0 or self._twin >= 0) and any(map(str.strip, tree.texts[behind:node])):
                self._image = self._twin = -1
            tag, behind = tree.tags[node], node + 1
            if tag in _IMAGES:
                self._settle(node, self._sources(node))
            elif tag == "noscript":
                self._noscript(node)
                behind = tree.ends[node]
            elif tag == "object":
                behind = self._object(node)
            elif tag == "button":
                self._button(node)
            elif tag in ("video", "svg"):
                self._still(node)
                behind = tree.ends[node]
            elif reference := self._background(node):
                self._show_background(node, reference)
            elif tag in _HOLDERS and self._is_empty_holder(node):
                self._settle(node, self._srcsets(node))
                behind = tree.ends[node]

    def _candidates(self) -> list[int]:
        """Elements that may be, hold or become images."""
        return self._tree.of_kinds(
            [
                tag in _LOOKED_AT
                or (tag in _HOLDERS and not _HOLDER_ATTRIBUTES.isdisjoint(attributes))
                or (tag in _BACKED and _has_background(attributes))
                for tag, attributes in self._tree.names
            ]
        )

    def _settle(self, node: int, sources: Sources) -> None:
        """Make ``node`` an image; it takes the picture of its twin in the ``noscript`` before it."""
        tree = self._tree
        reference = self._best(node, sources)
        if self._twin >= 0:
            twin = tree.get(self._twin, "src")
            if is_placeholder(reference) or _name(reference) == _name(twin):
                reference = twin if is_placeholder(reference) else reference
                tree.dropped[self._twin] = 1
        self._become_image(node, reference)
        self._image, self._twin = node, -1

    def _best(self, node: int, sources: Sources) -> str:
        return best_reference(self._tree.attributes[node], sources, self._base, self._is_file)

    def _become_image(self, node: int, reference: str, alt: str = "") -> None:
        tree = self._tree
        attributes = {**tree.attributes[node], "src": reference}
        alt = attributes.get("alt", "") or alt or attributes.get("data-alt", "")
        tree.become(node, "img", {**attributes, "alt": alt} if alt else attributes)
        for inner in tree.children(node):
            tree.dropped[inner] = 1

    def _sources(self, node: int) -> Sources:
        """The sources of the ``<picture>`` of an image."""
        parent = self._tree.parents[node]
        return self._srcsets(parent) if parent >= 0 and self._tree.tags[parent] == "picture" else NO_SOURCES

    def _srcsets(self, picture: int) -> Sources:
        """The sources of a ``<picture>``, those for wide windows first."""
        if picture not in self._pictures:
            tree = self._tree
            children = [child for child in tree.children(picture) if tree.tags[child] == "source"]
            wide = sorted((child for child in children if "svg" not in tree.get(child, "type")), key=self._narrowness)
            wide = wide[:_MOST_SOURCES]
            lazy = (tree.get(child, name) for child in wide for name in (*LAZY_SETS, "data-src"))
            plain = (tree.get(child, name) for child in wide for name in ("srcset", "src"))
            self._pictures[picture] = Sources(tuple(filter(None, lazy)), tuple(filter(None, plain)))
        return self._pictures[picture]

    def _narrowness(self, source: int) -> tuple[bool, int]:
        media = self._tree.get(source, "media").lower()
        width = _MIN_WIDTH.search(media)
        return "max-width" in media or "dark" in media or "print" in media, -int(width.group(1)) if width else 0

    def _noscript(self, node: int) -> None:
        """Decide about the image inside: the twin of the one before, an image of its own, or nothing to be seen."""
        tree = self._tree
        images = [inner for inner in range(node + 1, tree.ends[node]) if tree.tags[inner] in _IMAGES]
        if not images or _ONE_PIXEL.intersection((tree.get(images[0], "width"), tree.get(images[0], "height"))):
            return
        references = {inner: self._best(inner, self._sources(inner)) for inner in images}
        first, reference = images[0], references[images[0]]
        if is_placeholder(reference):
            return
        if self._image >= 0:
            beside = tree.attributes[self._image]
            same = tree.get(first, "alt").strip() == beside.get("alt", "").strip() != ""
            late = any(name.startswith(("data-", "lazy-")) for name in beside)
            if is_placeholder(beside["src"]) or beside["src"].endswith(".svg") or (same and not late):
                tree.become(self._image, "img", {**tree.attributes[first], **beside, "src": reference})
            return
        if not IMAGE_NAME.fullmatch(reference) and not tree.get(first, "alt").strip():
            return  # a counter of visits
        tree.become(node, "div", tree.attributes[node])
        for inner in range(node + 1, tree.ends[node]):
            if inner in references:
                self._become_image(inner, references[inner])
            elif not tree.tags[inner]:
                tree.dropped[inner] = 1
        self._twin = first

    def _object(self, node: int) -> int:
        """Make an embedded picture an image, else show what the element holds for browsers that cannot show it."""
        tree = self._tree
        data, kind = cleaned(tree.get(node, "data")), tree.get(node, "type").lower()
        is_picture = kind.startswith("image/") if kind else IMAGE_NAME.fullmatch(data) is not None
        if data and is_picture and "svg" not in kind:
            alt = " ".join("".join(tree.texts[inner] for inner in range(node + 1, tree.ends[node])).split())
            tree.attributes[node] = {**tree.attributes[node], "src": data}
            self._become_image(node, self._best(node, NO_SOURCES), alt)
            self._image, self._twin = node, -1
            return tree.ends[node]
        if self._is_small(node) and tree.find(node, *_IMAGES) is not None:
            tree.become(node, "div", tree.attributes[node])
        return node + 1

    def _button(self, node: int) -> None:
        """Show a button that is a picture to be enlarged."""
        tree = self._tree
        if self._is_small(node) and not self._has_text(node) and tree.find(node, *_IMAGES) is not None:
            tree.become(node, "span", {})

    def _still(self, node: int) -> None:
        """Make an image of a video by its poster, or of a drawing by the picture inside."""
        tree = self._tree
        source, name = tree.get(node, "poster"), tree.get(node, "title")
        if tree.tags[node] == "svg":
            picture = tree.find(node, "image")
            source = "" if picture is None else tree.get(picture, "href") or tree.get(picture, "xlink:href")
            title = tree.find(node, "title")
            name = name if title is None else " ".join(tree.text(title).split())
        source = cleaned(source)
        if source and not is_placeholder(source) and not source.partition("?")[0].lower().endswith(".svg"):
            tree.attributes[node] = {**tree.attributes[node], "src": source}
            self._become_image(node, self._best(node, NO_SOURCES), tree.get(node, "aria-label") or name)
            self._image, self._twin = node, -1

    def _background(self, node: int) -> str:
        """The picture behind an element that says to be a picture; "" if there is none."""
        tree, attributes = self._tree, self._tree.attributes[node]
        if tree.tags[node] not in _BACKED or not _has_background(attributes):
            return ""
        style = _BACKGROUND.search(attributes.get("style", ""))
        found = cleaned(style.group(2) if style else next(filter(None, map(attributes.get, _LATE_BACKGROUNDS)), ""))
        if not IMAGE_NAME.fullmatch(found) or is_placeholder(found):
            return ""
        parent = tree.parents[node]
        around = tree.tags[parent] if parent >= 0 else ""
        says_so = attributes.get("role") == "img" or "figure" in (tree.tags[node], around)
        return resolve(found, self._base) if says_so or _PICTURE.search(attributes.get("class", "")) else ""

    def _show_background(self, node: int, reference: str) -> None:
        """Make an image of an element without text, or of the first blank in one that holds a text or an image."""
        tree = self._tree
        name = tree.get(node, "aria-label") or tree.get(node, "title")
        blank = node
        if not self._is_small(node) or tree.find(node, *_INSIDE) is not None or self._has_text(node):
            blank = next((child for child in tree.children(node) if tree.texts[child].isspace()), -1)
        if blank >= 0:
            tree.texts[blank] = ""
            self._become_image(blank, reference, name)
            self._image, self._twin = blank, -1

    def _is_empty_holder(self, node: int) -> bool:
        tree, attributes = self._tree, self._tree.attributes[node]
        is_picture = tree.tags[node] == "picture"
        if not is_picture and _HOLDER_ATTRIBUTES.isdisjoint(attributes):
            return False
        if not self._is_small(node) or tree.find(node, *_INSIDE) is not None or self._has_text(node):
            return False
        return is_picture or IMAGE_NAME.fullmatch(best_reference(attributes, NO_SOURCES, "", no_file)) is not None

    def _is_small(self, node: int) -> bool:
        return self._tree.ends[node] - node <= _SMALL

    def _has_text(self, node: int) -> bool:
        return any(self._tree.texts[inner].strip() for inner in range(node + 1, self._tree.ends[node]))


def _has_background(attributes: Mapping[str, str]) -> bool:
    return "url(" in attributes.get("style", "").lower() or any(name in attributes for name in _LATE_BACKGROUNDS)


def _name(reference: str) -> str:
    """The file name of a reference without the size that a server has put into it."""
    return _SIZE_SUFFIX.sub("", reference).rpartition("/")[2]
