"""Blocks of an HTML tree in document order: headings, paragraphs, list items, table rows, code, images."""

from __future__ import annotations

import re
from typing import Any

from nyxqa.builders.sources.base import image_part, text_part
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_tree import Tree

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCK_NAMES = """
    address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer
    header hr html legend li main ol p pre section summary table tbody td tfoot th thead tr ul
"""
_BLOCKS = _HEADINGS.union(_BLOCK_NAMES.split())
_TIGHT = frozenset(("li", "tr", "dt", "dd"))  # blocks that follow the previous one without a blank line
_LAYOUT = ("table", "img", "pre", "h1", "h2", "ul")  # a table with one of these inside is no data
_CLOSING = ".,;:!?)"
_SPACE = re.compile(r"\s+")
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?|avif)", re.IGNORECASE)
_LAZY = ("data-src", "data-original", "data-lazy-src")


def read_blocks(tree: Tree, roots: list[int], cleaner: TextCleaner) -> list[dict[str, Any]]:
    """Return the parts of the page below ``roots``: image references, and the text between them cut at headings."""
    reader = _Reader(tree, cleaner)
    for root in roots:
        reader.read(root)
    return reader.parts


class _Reader:
    """Collects inline text into blocks and blocks into parts."""

    def __init__(self, tree: Tree, cleaner: TextCleaner) -> None:
        self.parts: list[dict[str, Any]] = []
        self._tree = tree
        self._clean = cleaner
        self._section = ""
        self._inline: list[str] = []
        self._text: list[str] = []
        self._tight = False
        self._prefix = ""
        self._pre = 0
        self._tables: list[bool] = []  # for each open table whether a row becomes one line, as in a data table

    def read(self, root: int) -> None:
        """Read one subtree."""
        tags, texts = self._tree.tags, self._tree.texts
        expected = root
        for node in self._tree.walk(root):
            if node < 0:
                self._close(~node)
                continue
            if node != expected and texts[node][:1] in _CLOSING:
                self._strip()  # no blank where a footnote mark was
            expected = node + 1
            if tags[node]:
                self._open(node)
            else:
                self._add(texts[node])
        self._flush()
        self._end_part()

    def _open(self, node: int) -> None:
        tree, tag = self._tree, self._tree.tags[node]
        if tag == "img":
            self._image(node)
        elif tag == "br":
            self._inline.append("\n")
        elif tag in ("td", "th") and self._in_row():
            if any(piece.strip() for piece in self._inline):
                self._inline.append(" | ")
        elif tag in _BLOCKS:
            self._break()
            self._tight = self._tight or tag in _TIGHT
            if tag == "table":
                self._tables.append(tree.find(node, *_LAYOUT) is None)
            elif tag == "li":
                self._prefix = "- "
            elif tag == "pre":
                self._pre += 1
            elif tag in _HEADINGS:
                self._end_part()
        elif tag == "span" and tree.get(node, "class") == "classifier":
            self._inline.append(" : ")  # docutils adds the colon by style sheet only
        elif tag == "sup" and self._inline and self._inline[-1][-1:].isdigit() and tree.text(node)[:1].isdigit():
            self._inline.append("^")

    def _close(self, node: int) -> None:
        tag = self._tree.tags[node]
        if tag in _HEADINGS:
            heading = self._flush()
            self._section = " ".join(heading.split()) or self._section
        elif tag == "pre":
            self._flush(preformatted=True)
            self._pre -= 1
        elif tag == "dt" and "label" in self._tree.classes(node):
            self._prefix = (
                f"[{''.join(self._inline).strip()}] "  # the label of a footnote or citation precedes its text
            )
            self._inline.clear()
        elif tag == "tr" and self._tables:
            self._flush()
        elif tag in _BLOCKS and not (tag in ("td", "th") and self._in_row()):
            self._break()
        if tag == "table" and self._tables:
            self._tables.pop()

    def _in_row(self) -> bool:
        return bool(self._tables) and self._tables[-1]

    def _add(self, text: str) -> None:
        if text:
            self._inline.append(text if self._pre else _SPACE.sub(" ", text))

    def _strip(self) -> None:
        """Remove the white space at the end of the inline text."""
        while self._inline:
            text = self._inline.pop().rstrip()
            if text:
                self._inline.append(text)
                return

    def _break(self) -> None:
        """End the block; in a table row or code block end only the word or line."""
        if self._pre or self._in_row():
            self._inline.append("\n" if self._pre else " ")
        else:
            self._flush()

    def _flush(self, preformatted: bool = False) -> str:
        """Append the collected inline text to the part as a block and return the block."""
        text = "".join(self._inline)
        self._inline.clear()
        block = self._clean(text, preformatted=preformatted) if text and not text.isspace() else ""
        if block:
            if self._text:
                self._text.append("\n" if self._tight else "\n\n")
            self._text += [self._prefix, block]
            self._prefix, self._tight = "", False
        return block

    def _end_part(self) -> None:
        if self._text:
            self.parts.append(text_part("".join(self._text), self._section))
        self._text, self._prefix, self._tight = [], "", False

    def _image(self, node: int) -> None:
        tree = self._tree
        reference = _reference(tree, node)
        if not reference:
            return
        self._flush()
        self._end_part()
        captions = map(self._clean.line, (tree.get(node, "alt"), _figure_caption(tree, node), tree.get(node, "title")))
        # Site generators use the file name where a caption is missing.
        caption = next((caption for caption in captions if caption and not _FILE_NAME.fullmatch(caption)), "")
        self.parts.append(image_part(self._clean.printable(reference), caption, self._section))


def _reference(tree: Tree, node: int) -> str:
    """Return ``src``, or a lazy-loading attribute if ``src`` is missing or a ``data:`` placeholder, or ``srcset``."""
    src = tree.get(node, "src").strip()
    if src and not src.startswith("data:"):
        return src
    lazy = next((value for name in _LAZY if (value := tree.get(node, name).strip())), "")
    candidates = (tree.get(node, "srcset") or tree.get(node, "data-srcset")).split()
    return lazy or src or (candidates[0].rstrip(",") if candidates else "")


def _figure_caption(tree: Tree, node: int) -> str | None:
    figure = next((parent for parent in tree.ancestors(node) if tree.tags[parent] == "figure"), None)
    caption = tree.find(figure, "figcaption") if figure is not None else None
    return tree.text(caption) if caption is not None else None
