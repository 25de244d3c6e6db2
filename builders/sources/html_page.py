"""The readable content of one HTML page: title, language, and text and images in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.sources.base import MAX_TEXT
from nyxqa.builders.sources.charset import REPLACED, decode_html
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_blocks import read_blocks
from nyxqa.builders.sources.html_main import drop_clutter
from nyxqa.builders.sources.html_tree import TooManyNodesError, Tree, parse_html

_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*\Z")


# The name of a site before and after the title of a page.
_SITE_BEFORE = re.compile(r"(?:.*\s[-\u2013\u2014|\u00b7\u00bb]\s*)?")
_SITE_AFTER = re.compile(r"(?:\s*[-\u2013\u2014|\u00b7\u00ab]\s.*)?")


class RefusedHtmlError(ValueError):
    """A page that is dropped.

    :param reason: Ledger reason.
    :param detail: Ledger detail, one line.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """The content of one HTML file."""

    title: str | None
    language: str | None
    parts: list[dict[str, Any]]


def read_html(data: bytes, cleaner: TextCleaner) -> HtmlPage:
    """Return title, language and parts of a page.

    :param data: The bytes of the file.
    :param cleaner: Counts what is removed from the text.
    :raises RefusedHtmlError: If the page has too much text, or unclosed elements that the parser would multiply.
    """
    decoded = decode_html(data)
    cleaner.replaced += max(0, decoded.count(REPLACED) - data.count(REPLACED.encode()))
    # Control characters are removed before parsing, because the parser makes U+FFFD of a NUL.
    try:
        tree = parse_html(cleaner.printable(decoded.replace("\r\n", "\n").replace("\r", "\n")))
    except TooManyNodesError as error:
        raise RefusedHtmlError("too_large", str(error)) from error
    head = tree.find(0, "head")
    title = _line(tree, tree.find(head, "title") if head is not None else None, cleaner)
    content = drop_clutter(tree)
    if content.characters > MAX_TEXT:
        detail = f"{content.characters} characters of text, at most {MAX_TEXT} are taken"
        raise RefusedHtmlError("too_large", detail)
    title = _own_title(title, _line(tree, content.heading, cleaner))
    return HtmlPage(title or None, _language(tree), read_blocks(tree, content.roots, cleaner))


def _line(tree: Tree, node: int | None, cleaner: TextCleaner) -> str:
    return cleaner.line(tree.text(node)) if node is not None else ""


def _own_title(title: str, heading: str) -> str:
    """Return the main heading if ``title`` is that heading with a site name after a bar or dash, else ``title``."""
    if not heading:
        return title
    before, found, after = title.lower().partition(heading.lower())
    is_heading = found and _SITE_BEFORE.fullmatch(before) and _SITE_AFTER.fullmatch(after)
    return heading if is_heading else title


def _language(tree: Tree) -> str | None:
    for value in (tree.get(0, "lang"), tree.get(0, "xml:lang")):
        if _TAG.match(value.strip()):
            return value.strip().replace("_", "-")
    return None
