"""The readable content of one HTML page: title, language, and text and images in order."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from nyxqa.builders.sources.html_blocks import read_blocks
from nyxqa.builders.sources.html_prune import main_content, prune
from nyxqa.builders.sources.text import TextCleaner

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(rb"<meta[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_HEAD = 4096  # bytes in which a charset declaration counts; the HTML standard asks for 1,024
_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*\Z")
# What browsers read under names that promise less.
_READ_AS = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "utf-16": "utf-8"}


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What one file says."""

    title: str | None
    language: str | None
    parts: list[dict[str, Any]]


def read_html(data: bytes, cleaner: TextCleaner) -> HtmlPage:
    """Title, language and parts of a page."""
    # Characters that are no text go before the parser sees them: a NUL would end the page there.
    text = cleaner.printable(decode_html(data).replace("\r\n", "\n").replace("\r", "\n"))
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(text.encode("utf-8"), parser) if text.strip() else None
    if root is None:
        return HtmlPage(None, None, [])
    title = _line(root.find(".//head/title"), cleaner)
    language = _language(root)
    prune(root)
    content = main_content(root)
    return HtmlPage(_own_title(title, content, cleaner) or None, language, read_blocks(content, cleaner))


def _line(element: Any, cleaner: TextCleaner) -> str:
    return cleaner.line("".join(element.itertext())) if element is not None else ""


def _own_title(title: str, content: list[Any], cleaner: TextCleaner) -> str:
    """The page's title without the name of its site: the first heading, where the title begins or ends with it."""
    heading = _line(next((h for element in content for h in element.iter("h1")), None), cleaner)
    begins = heading and title.lower().startswith(heading.lower())
    return heading if begins or (heading and title.lower().endswith(heading.lower())) else title


def decode_html(data: bytes) -> str:
    """Text of a page: byte order mark, declared charset, UTF-8, then Windows-1252."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    declared = _CHARSET.search(data[:_HEAD])
    try:
        name = codecs.lookup(declared.group(1).decode("ascii")).name if declared else "utf-8"
    except (LookupError, UnicodeDecodeError):
        name = "utf-8"
    try:
        return data.decode(_READ_AS.get(name, name))
    except (UnicodeDecodeError, LookupError):
        pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace") if name == "utf-8" and not declared else data.decode(name, "replace")


def _language(root: Any) -> str | None:
    for value in (root.get("lang"), root.get("{http://www.w3.org/XML/1998/namespace}lang"), root.get("xml:lang")):
        if value and _TAG.match(value.strip()):
            return str(value.strip().replace("_", "-"))
    return None
