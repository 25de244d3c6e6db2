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
_HEAD = 4096  # bytes in which a charset declaration counts; the HTML standard asks for 1,024
_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*\Z")
_WEAK = frozenset(("iso8859-1", "ascii", "cp1252"))  # declared by templates whatever the text is
# What browsers read under names that promise less.
_READ_AS = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "utf-16": "utf-8"}
_REPLACED = "\ufffd"


class RefusedHtmlError(ValueError):
    """A page that is not taken.

    :param reason: Ledger reason.
    :param detail: One line.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What one file says."""

    title: str | None
    language: str | None
    parts: list[dict[str, Any]]


def read_html(data: bytes, cleaner: TextCleaner) -> HtmlPage:
    """Title, language and parts of a page.

    :raises RefusedHtmlError: If it is nested more deeply than the parser follows, or has too much text.
    """
    # Characters that are no text go before the parser sees them: a NUL would end the page there.
    decoded = decode_html(data)
    cleaner.replaced += max(0, decoded.count(_REPLACED) - data.count(_REPLACED.encode()))
    text = cleaner.printable(decoded.replace("\r\n", "\n").replace("\r", "\n"))
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(text.encode("utf-8"), parser) if text.strip() else None
    limits = parser.error_log.filter_types(etree.ErrorTypes.ERR_RESOURCE_LIMIT)
    if limits:
        raise RefusedHtmlError("unreadable", limits[0].message)  # what follows would be lost without a word
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
    """The page's title without the name of its site: the first heading, where a bar or dash parts the title from it."""
    heading = _line(next((h for element in content for h in element.iter("h1")), None), cleaner)
    parted = re.escape(heading).join(
        (r"(?:.*\s[-\u2013\u2014|\u00b7\u00bb]\s*)?", r"(?:\s*[-\u2013\u2014|\u00b7\u00ab]\s.*)?")
    )
    return heading if heading and re.fullmatch(parted, title, re.IGNORECASE) else title


def decode_html(data: bytes) -> str:
    """Text of a page: byte order mark, declared charset, UTF-8, then Windows-1252.

    Where none fits, bytes that are none of the declared charset become U+FFFD; but not where more of a page are than
    not, which is then taken for Windows-1252.
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
    """Python's name of the charset that a page declares, if it is one of text."""
    found = _CHARSET.search(data[:_HEAD])
    try:
        codec = codecs.lookup(found.group(1).decode("ascii")) if found else None
        return codec.name if codec and isinstance(b"".decode(codec.name), str) else None
    except (LookupError, UnicodeError, ValueError):
        return None


def _language(root: Any) -> str | None:
    for value in (root.get("lang"), root.get("{http://www.w3.org/XML/1998/namespace}lang"), root.get("xml:lang")):
        if value and _TAG.match(value.strip()):
            return str(value.strip().replace("_", "-"))
    return None
