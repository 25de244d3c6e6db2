"""The readable content of one HTML page: title, language, and text and images in order."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from nyxqa.builders.sources.base import MAX_TEXT
from nyxqa.builders.sources.cleaning import TextCleaner
from nyxqa.builders.sources.html_blocks import read_blocks
from nyxqa.builders.sources.html_prune import main_content, prune

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(rb"<meta[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_HEAD = 4096  # bytes searched for a charset declaration; the HTML standard requires 1,024
_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*\Z")
_WEAK = frozenset(("iso8859-1", "ascii", "cp1252"))  # often declared by templates regardless of the actual encoding
# Supersets that browsers decode these declared charsets as.
_READ_AS = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "utf-16": "utf-8"}
_REPLACED = "\ufffd"


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
    :raises RefusedHtmlError: If the page is nested more deeply than the parser supports, or has too much text.
    """
    # Control characters are removed before parsing, because the parser ends the page at a NUL.
    decoded = decode_html(data)
    cleaner.replaced += max(0, decoded.count(_REPLACED) - data.count(_REPLACED.encode()))
    text = cleaner.printable(decoded.replace("\r\n", "\n").replace("\r", "\n"))
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(text.encode("utf-8"), parser) if text.strip() else None
    limits = parser.error_log.filter_types(etree.ErrorTypes.ERR_RESOURCE_LIMIT)
    if limits:
        raise RefusedHtmlError("unreadable", limits[0].message)  # the parser would silently drop the rest
    if root is None:
        return HtmlPage(None, None, [])
    title = _line(root.find(".//head/title"), cleaner)
    language = _language(root)
    prune(root)
    content = main_content(root)
    characters = sum(len(text.strip()) for element in content for text in element.itertext())
    if characters > MAX_TEXT:
        raise RefusedHtmlError("too_large", f"{characters} characters of text, at most {MAX_TEXT} are taken")
    return HtmlPage(_own_title(title, content, cleaner) or None, language, read_blocks(content, cleaner))


def _line(element: Any, cleaner: TextCleaner) -> str:
    return cleaner.line("".join(element.itertext())) if element is not None else ""


def _own_title(title: str, content: list[Any], cleaner: TextCleaner) -> str:
    """Return the first heading if ``title`` is that heading with a site name after a bar or dash, else ``title``."""
    heading = _line(next((h for element in content for h in element.iter("h1")), None), cleaner)
    with_site = re.escape(heading).join(
        (r"(?:.*\s[-\u2013\u2014|\u00b7\u00bb]\s*)?", r"(?:\s*[-\u2013\u2014|\u00b7\u00ab]\s.*)?")
    )
    return heading if heading and re.fullmatch(with_site, title, re.IGNORECASE) else title


def decode_html(data: bytes) -> str:
    """Decode a page by its byte order mark, declared charset, UTF-8 or Windows-1252, whichever first succeeds.

    If none succeeds, bytes that are invalid in the declared charset become U+FFFD; if these are more than half of the
    characters outside ASCII, the page is decoded as Windows-1252 instead.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    declared = _declared(data)
    tried = ["utf-8"] if declared is None else ["utf-8", declared] if declared in _WEAK else [declared, "utf-8"]
    for name in tried:
        try:
            return data.decode(_READ_AS.get(name, name))
        except UnicodeDecodeError:
            continue
    last = declared or "cp1252"
    text = data.decode(_READ_AS.get(last, last), "replace")
    broken = text.count(_REPLACED)
    if broken > sum(not character.isascii() for character in text) - broken:
        return data.decode("cp1252", "replace")
    return text


def _declared(data: bytes) -> str | None:
    """Return Python's name of the charset that a page declares, or None if it is not a text encoding."""
    match = _CHARSET.search(data[:_HEAD])
    try:
        codec = codecs.lookup(match.group(1).decode("ascii")) if match else None
        return codec.name if codec and isinstance(b"".decode(codec.name), str) else None
    except (LookupError, UnicodeError, ValueError):
        return None


def _language(root: Any) -> str | None:
    for value in (root.get("lang"), root.get("{http://www.w3.org/XML/1998/namespace}lang"), root.get("xml:lang")):
        if value and _TAG.match(value.strip()):
            return str(value.strip().replace("_", "-"))
    return None
