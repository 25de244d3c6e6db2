"""The content of one Markdown file: CommonMark with tables, footnotes, definitions, formulas and front matter."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import yaml

from nyxqa.builders.sources.charset import REPLACED, decode_text
from nyxqa.builders.sources.cleaning import TextCleaner

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_LONGEST_FRONT_MATTER = 20_000  # characters
# Definitions of links in a row; the parser takes time quadratic in their number if no blank line is between them.
_DEFINITIONS = re.compile(r"(?:^ {0,3}\[[^\]\n]+\]:[^\n]*\n){100,}", re.MULTILINE)


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
