"""What a page says of an image: the caption of its figure, its alternative text, or its title."""

from __future__ import annotations

import re
from typing import NamedTuple

from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_tree import Tree

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?|avif)", re.IGNORECASE)
_FIGURE_NAMES = "figure wp-caption thumb thumbinner gallerybox image-caption imageblock mediaobject captioned-image"
_CAPTION_NAMES = """
    caption wp-caption-text thumbcaption gallerytext figure-caption image-caption-text caption-text wp-element-caption
"""
_FIGURES, _CAPTIONS = frozenset(_FIGURE_NAMES.split()), frozenset(_CAPTION_NAMES.split())
_NEAR = 5  # ancestors of an image among which its figure is


class Caption(NamedTuple):
    """A caption and what it was: ``figure``, ``alt`` or ``title``; both "" if there is none."""

    text: str = ""
    origin: str = ""


class Captions:
    """Captions of the images of one page."""

    def __init__(self, tree: Tree, clean: TextCleaner) -> None:
        self._tree, self._clean = tree, clean
        self._figures: dict[int, tuple[str, str]] = {}
        self._captions: dict[int, int | None] = {}

    def of(self, node: int) -> Caption:
        """Return the caption of an image; that of a figure with several images counts where nothing else is said."""
        tree = self._tree
        figure = self._figure(node)
        own, shared = ("", "") if figure is None else self._figure_caption(figure)
        said = (own, "figure"), (tree.get(node, "alt"), "alt"), (tree.get(node, "title"), "title"), (shared, "figure")
        for text, origin in said:
            caption = self._clean.line(text)
            if caption and not _FILE_NAME.fullmatch(caption):  # site generators put the file name where there is none
                return Caption(caption, origin)
        return Caption()

    def _figure(self, node: int) -> int | None:
        """The figure that an image is in, by its name or, near the image, its class."""
        tree = self._tree
        for distance, parent in enumerate(tree.ancestors(node)):
            if tree.tags[parent] == "figure":
                return parent
            if distance < _NEAR and not _FIGURES.isdisjoint(tree.classes(parent)) and self._caption(parent) is not None:
                return parent
        return None

    def _figure_caption(self, figure: int) -> tuple[str, str]:
        """The caption of a figure as that of its only image, or as one that several images share."""
        tree = self._tree
        if figure not in self._figures:
            images = sum(tree.tags[node] == "img" for node in tree.walk(figure) if node >= 0)
            caption = self._caption(figure)
            text = "" if caption is None else tree.text(caption)
            self._figures[figure] = ("", text) if images > 1 else (text, "")
        return self._figures[figure]

    def _caption(self, figure: int) -> int | None:
        """The element with the caption of a figure."""
        tree = self._tree
        if figure not in self._captions:
            inside = range(figure + 1, tree.ends[figure])
            named = next((node for node in inside if tree.tags[node] == "figcaption"), None)
            if named is None:
                named = next((node for node in inside if not _CAPTIONS.isdisjoint(tree.classes(node))), None)
            self._captions[figure] = named
        return self._captions[figure]
