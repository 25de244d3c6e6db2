"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ROLE = re.compile(r":\w+:`([^`]*)`")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a line end or a bar inside a cell does not end it."""
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |", *lines])


def _cell(text: str) -> str:
    """One line; the site's Markdown takes a bar inside code as it is."""
    parts = " ".join(text.split()).split("`")
    return "`".join(part if number % 2 else part.replace("|", "\\|") for number, part in enumerate(parts))


def code(text: str) -> str:
    """Text as code in a line; "" stays empty."""
    return f"`{text}`" if text else ""


def prose(text: str) -> str:
    """A docstring's paragraph as Markdown: double backticks become single ones."""
    return _ROLE.sub(r"`\1`", text).replace("``", "`")


def slug(title: str) -> str:
    """The anchor of a heading, as the site makes it."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip())
