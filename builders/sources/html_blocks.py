"""Blocks of an HTML tree in document order: headings, paragraphs, list items, table rows, code, images."""

from __future__ import annotations

import re
from typing import Any

from nyxqa.builders.sources.base import image_part, text_part
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_captions import Captions
from nyxqa.builders.sources.html_math import formula, script, tex
from nyxqa.builders.sources.html_measure import BLOCKS, HEADINGS
from nyxqa.builders.sources.html_table import Rows, is_data
from nyxqa.builders.sources.html_tree import Tree

_TIGHT = frozenset(("li", "tr", "dt", "dd"))  # blocks that follow the previous one without a blank line
_ATOMS = frozenset(("math", "script", "img", "br"))  # what is inside is read with the element
_ACTIVE = BLOCKS | {"sup", "sub", "q"}  # what is done something about where it starts and ends
_CLOSING = ".,;:!?)"
_SPACE = re.compile(r"\s\s+|[^\S ]")
_FORMULAS = frozenset(("mwe-math-fallback-image-inline", "mwe-math-fallback-image-display", "math", "latex", "tex"))


def read_blocks(tree: Tree, roots: list[int], cleaner: TextCleaner) -> list[dict[str, Any]]:
    """Return the parts of the page below ``roots``: image references, and the text between them cut at headings."""
    reader = _Reader(tree, cleaner)
    for root in roots:
        reader.read(root)
    return reader.finish()


class _Reader:
    """Collects inline text into blocks and blocks into parts."""

    def __init__(self, tree: Tree, cleaner: TextCleaner) -> None:
        self.parts: list[dict[str, Any]] = []
        self._tree = tree
        self._clean = cleaner
        self._captions = Captions(tree, cleaner)
        self._section = ""
        self._inline: list[str] = []
        self._text: list[str] = []
        self._tight = False
        self._prefix = ""
        self._pre = 0
        self._tables: list[Rows | None] = []  # for each open table its rows; None where cells are blocks of their own
        self._scripts: list[int] = []  # for each open sup or sub the length of the inline text before it
        self._script_end = -1  # the length of the inline text behind the last one

    def read(self, root: int) -> None:
        """Read one subtree; its nodes are visited as by ``Tree.walk``."""
        tree = self._tree
        tags, texts, ends, dropped = tree.tags, tree.texts, tree.ends, tree.dropped
        opened: list[int] = []
        last, node, end = ends[root], root, ends[root]  # where the innermost open element ends
        cut = False
        while node < end:
            while opened and last <= node:
                self._close(opened.pop())
                last = ends[opened[-1]] if opened else end
            if dropped[node]:
                node, cut = ends[node], True
            elif tags[node]:
                tag = tags[node]
                if tag in _ATOMS:
                    self._open(node)
                    node = ends[node]
                else:
                    if tag in _ACTIVE:
                        self._open(node)
                        opened.append(node)
                        last = ends[node]
                    elif tag == "span" and tree.attributes[node].get("class") == "classifier":
                        self._inline.append(" : ")  # docutils adds the colon by style sheet only
                    node += 1
                cut = False
            else:
                text = texts[node]
                if cut and text[0] in _CLOSING:
                    self._strip()  # no blank where a footnote mark was
                if self._pre and self._script_end < 0:  # most text of a manual
                    self._inline.append(text)
                else:
                    self._add(text)
                node, cut = node + 1, False
        while opened:
            self._close(opened.pop())
        self._flush()

    def finish(self) -> list[dict[str, Any]]:
        """Return the parts of what has been read."""
        self._end_part()
        return self.parts

    def _open(self, node: int) -> None:
        tree, tag = self._tree, self._tree.tags[node]
        if tag in BLOCKS:
            self._open_block(node, tag)
        elif tag == "img":
            self._image(node)
        elif tag == "br":
            self._inline.append(" " if self._row() else "\n")
        elif tag in ("math", "script"):
            self._inline.append(formula(tree, node) if tag == "math" else tex(tree.text(node)))
        elif tag in ("sup", "sub"):
            self._scripts.append(len(self._inline))
        elif tag == "q":
            self._inline.append("\u201c")

    def _open_block(self, node: int, tag: str) -> None:
        row = self._row()
        if row is not None:
            if tag == "tr":
                self._inline.clear()
                row.start_row()
            elif tag == "caption":
                self._flush()
            elif tag == "li":
                self._strip()
                self._break("; ")
            elif tag not in ("td", "th"):
                self._break()
            return
        self._break()
        self._tight = self._tight or tag in _TIGHT
        if tag == "table":
            self._tables.append(Rows() if is_data(self._tree, node) else None)
        elif tag == "li":
            self._prefix = "- "
        elif tag == "pre":
            self._pre += 1
        elif tag in HEADINGS:
            self._end_part()
            self._section = self._clean.line(self._tree.text(node)) or self._section

    def _close(self, node: int) -> None:
        tag = self._tree.tags[node]
        if tag in ("sup", "sub") and self._scripts:
            self._close_script(tag)
        elif tag == "q":
            self._inline.append("\u201d")
        elif tag in BLOCKS:
            self._close_block(node, tag)

    def _close_block(self, node: int, tag: str) -> None:
        row = self._row()
        if tag == "table" and self._tables:
            self._flush()
            self._tables.pop()
        elif row is not None and tag in ("td", "th"):
            text = self._clean.line("".join(self._inline))
            self._inline.clear()
            row.add(text, self._tree.get(node, "colspan"), self._tree.get(node, "rowspan"))
        elif row is not None and tag == "tr":
            self._append(row.end_row(), tight=True)
        elif row is not None:
            self._flush() if tag == "caption" else self._break()
        elif tag == "pre":
            self._flush(preformatted=True)
            self._pre -= 1
        elif tag == "dt" and "label" in self._tree.classes(node):
            # The label of a footnote or citation precedes its text.
            self._prefix = f"[{''.join(self._inline).strip()}] "
            self._inline.clear()
        else:
            self._break()

    def _close_script(self, tag: str) -> None:
        start = self._scripts.pop()
        if start > len(self._inline):  # a block inside ended the text
            return
        before, inner = self._inline[start - 1] if start else "", "".join(self._inline[start:])
        del self._inline[start:]
        if inner:
            self._inline.append(script(tag, before, inner))
            self._script_end = len(self._inline)

    def _row(self) -> Rows | None:
        return self._tables[-1] if self._tables else None

    def _add(self, text: str) -> None:
        if self._script_end == len(self._inline) and text[:1].isdigit() and self._inline[-1][-1:].isdigit():
            mark, digits = self._inline[-1][:1], self._inline[-1][1:]
            self._inline[-1] = f"{mark}({digits})"  # 10^3 and a digit behind it are not 10^34
        self._script_end = -1
        if not self._pre and ("  " in text or not text.isprintable()):  # else there are single blanks alone
            text = " " if text.isspace() else _SPACE.sub(" ", text)
        self._inline.append(text)

    def _strip(self) -> None:
        """Remove the white space at the end of the inline text."""
        while self._inline:
            text = self._inline.pop().rstrip()
            if text:
                self._inline.append(text)
                return

    def _break(self, between: str = " ") -> None:
        """End the block; in a table row or code block end only the word, item or line."""
        if self._pre:
            self._inline.append("\n")
        elif self._row() is None:
            self._flush()
        elif any(text.strip() for text in self._inline[-1:]):
            self._inline.append(between)

    def _flush(self, preformatted: bool = False) -> None:
        """Append the collected inline text to the part as a block."""
        text = "".join(self._inline)
        self._inline.clear()
        if text and not text.isspace():
            self._append(self._clean(text, preformatted=preformatted))

    def _append(self, block: str, tight: bool = False) -> None:
        self._inline.clear()
        if block:
            if self._text:
                self._text.append("\n" if self._tight or tight else "\n\n")
            self._text += [self._prefix, block]
            self._prefix, self._tight = "", False

    def _end_part(self) -> None:
        if self._text:
            self.parts.append(text_part("".join(self._text), self._section))
        self._text, self._prefix, self._tight = [], "", False

    def _image(self, node: int) -> None:
        tree = self._tree
        if not _FORMULAS.isdisjoint(tree.classes(node)) and (written := tex(tree.get(node, "alt"))):
            self._inline.append(written)
            return
        reference = tree.get(node, "src")
        if not reference:
            return
        self._flush()
        self._end_part()
        caption = self._captions.of(node)
        self.parts.append(image_part(self._clean.printable(reference), caption.text, caption.origin, self._section))
