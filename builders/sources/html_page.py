"""The readable content of one HTML page: title, language, and text and images in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nyxqa.builders.sources.base import MAX_TEXT
from nyxqa.builders.sources.charset import REPLACED, decode_html
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_blocks import read_blocks
from nyxqa.builders.sources.html_images import settle_images
from nyxqa.builders.sources.html_main import drop_clutter
from nyxqa.builders.sources.html_tools import show_noscript
from nyxqa.builders.sources.html_tree import TooManyNodesError, Tree, parse_html
from nyxqa.builders.sources.image_candidates import IsFile, no_file
from nyxqa.builders.sources.markdown_page import markdown_as_html, read_parsed

_NOT_CONTENT = frozenset(
    ("script", "style", "template", "noscript", "iframe", "input", "svg", "object", "video", "audio")
)
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


def read_html(data: bytes, cleaner: TextCleaner, is_file: IsFile = no_file) -> HtmlPage:
    """Return title, language and parts of a page.

    :param data: The bytes of the file.
    :param cleaner: Counts what is removed from the text.
    :param is_file: Whether an image reference is a file of the source.
    :raises RefusedHtmlError: If the page has too much text, or unclosed elements that the parser would multiply.
    """
    decoded = decode_html(data)
    cleaner.replaced += max(0, decoded.count(REPLACED) - data.count(REPLACED.encode()))
    # Control characters are removed before parsing, because the parser makes U+FFFD of a NUL.
    try:
        if "\r" in decoded:
            decoded = decoded.replace("\r\n", "\n").replace("\r", "\n")
        tree = parse_html(cleaner.printable(decoded))
    except TooManyNodesError as error:
        raise RefusedHtmlError("too_large", str(error)) from error
    show_noscript(tree)
    settle_images(tree, is_file)
    head = tree.find(0, "head")
    title = _line(tree, tree.find(head, "title") if head is not None else None, cleaner)
    content = drop_clutter(tree)
    if content.characters > MAX_TEXT:
        detail = f"{content.characters} characters of text, at most {MAX_TEXT} are taken"
        raise RefusedHtmlError("too_large", detail)
    title = _own_title(title, _line(tree, content.heading, cleaner))
    return HtmlPage(title or None, _language(tree), read_blocks(tree, content.roots, cleaner))


def read_markdown(data: bytes, cleaner: TextCleaner, is_file: IsFile = no_file) -> HtmlPage:
    """Return title, language and parts of a Markdown file, of which all is content; as ``read_html`` does.

    :raises RefusedHtmlError: If the page has too much text, or HTML that the parser would multiply.
    """
    html = markdown_as_html(data, cleaner)
    if len(html) > 2 * MAX_TEXT:
        raise RefusedHtmlError("too_large", f"{len(html)} characters, at most {2 * MAX_TEXT} are taken")
    try:
        tree = parse_html(html)
    except TooManyNodesError as error:
        raise RefusedHtmlError("too_large", str(error)) from error
    settle_images(tree, is_file)
    for node, tag in enumerate(tree.tags):
        if tag in _NOT_CONTENT or tree.classes(node) == ["footnote-backref"]:
            tree.dropped[node] = 1
    head, heading = tree.find(0, "head"), tree.find(0, "h1")
    title = _line(tree, tree.find(head, "title") if head is not None else None, cleaner)
    parts = read_parsed(read_blocks(tree, [_body(tree)], cleaner))
    return HtmlPage(title or _line(tree, heading, cleaner) or None, _language(tree), parts)


def _body(tree: Tree) -> int:
    return next(child for child in tree.children(0) if tree.tags[child] == "body")


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
