"""The content of one Markdown file: CommonMark with tables, footnotes, definitions, formulas and front matter."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import yaml

from nyxqa.builders.sources.base import text_part
from nyxqa.builders.sources.charset import REPLACED, decode_text
from nyxqa.builders.sources.cleaning import TextCleaner, is_caption

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_LONGEST_FRONT_MATTER = 20_000  # characters
# Definitions of links in a row; the parser takes time quadratic in their number if no blank line is between them.
_DEFINITIONS = re.compile(r"(?:^ {0,3}\[[^\]\n]+\]:[^\n]*\n){100,}", re.MULTILINE)

# marker's paginated output: the number of the page that follows, from 0, and 48 dashes.
_PAGE = re.compile(r"^\\?\{(\d{1,5})\\?\}-{20,}\s*$", re.MULTILINE)
_MARKER_IMAGE = re.compile(r"(?:^|/)_page_(\d{1,5})_[A-Za-z]+_\d+\.(?:jpe?g|png|webp)$")
_MINERU_IMAGE = re.compile(r"(?:^|/)images/[0-9a-f]{32,64}\.(?:jpe?g|png)$")


def markdown_as_html(data: bytes, cleaner: TextCleaner) -> str:
    """Return a Markdown file as an HTML page with its title and language.

    :param data: The bytes of the file.
    :param cleaner: Counts what is removed from the text.
    """
    decoded = decode_text(data)
    cleaner.replaced += max(0, decoded.count(REPLACED) - data.count(REPLACED.encode()))
    text = cleaner.printable(decoded.replace("\r\n", "\n").replace("\r", "\n"))
    about, text = _front_matter(text)
    text = _DEFINITIONS.sub(lambda match: match.group().replace("\n", "\n\n"), text)
    title, language = (escape(_scalar(about, *names)) for names in (("title",), ("lang", "language")))
    body = _parser().render(text)
    return f'<html lang="{language}"><head><title>{title}</title></head><body>{body}</body></html>'


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Split a page into the values before its text and the text."""
    match = _FRONT_MATTER.match(text[:_LONGEST_FRONT_MATTER])
    if match is None:
        return {}, text
    try:
        values = yaml.safe_load(match.group(1))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    return (values, text[match.end() :]) if isinstance(values, dict) else ({}, text)


def _scalar(values: dict[str, Any], *names: str) -> str:
    return next((str(value) for name in names if isinstance(value := values.get(name), str | int | float)), "")


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.attrs import attrs_plugin
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_digits=False).use(footnote_plugin).use(deflist_plugin).use(attrs_plugin)
    return parser


def read_parsed(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``parts`` of a Markdown file with page markers and captions read; other files stay as they are."""
    if not any(_PAGE.search(part["text"]) if part["text"] else _is_parsers(part["image"]) for part in parts):
        return parts
    return _with_captions(_with_pages(parts))


def _is_parsers(image: str) -> bool:
    return bool(_MARKER_IMAGE.search(image) or _MINERU_IMAGE.search(image))


def _with_pages(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts without page markers, each with its page in the section."""
    found: list[dict[str, Any]] = []
    page = ""
    for part in parts:
        if part["text"] is None:
            named = _MARKER_IMAGE.search(part["image"])
            found.append({**part, "section": _section(part, str(int(named.group(1)) + 1) if named else page)})
            continue
        first, *rest = _PAGE.split(part["text"])
        for number, text in [(None, first), *zip(rest[::2], rest[1::2], strict=True)]:
            page = page if number is None else str(int(number) + 1)
            if text.strip():
                found.append({**part, "text": text.strip("\n"), "section": _section(part, page)})
    return found


def _section(part: dict[str, Any], page: str) -> str:
    return ", ".join(filter(None, (part["section"], f"p. {page}" if page else "")))


def _with_captions(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts in which the caption below a picture that has none is its caption, and not text."""
    found: list[dict[str, Any]] = []
    for part in parts:
        above = found[-1] if found else None
        first, _, rest = (part["text"] or "").partition("\n")
        if above is None or above["text"] is not None or above["caption"] or not is_caption(first):
            found.append(part)
            continue
        found[-1] = {**above, "caption": " ".join(first.split()), "caption_origin": "figure"}
        if rest.strip():
            found.append(text_part(rest.strip("\n"), part["section"]))
    return found
