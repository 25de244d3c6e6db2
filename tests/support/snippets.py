"""Snippets that the product writes, as a reader would run them."""

from __future__ import annotations

import re
from typing import Any


def fenced(text: str, language: str) -> list[str]:
    """The fenced blocks of ``language`` in a Markdown text."""
    blocks = re.findall(r"^```([\w-]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [code for name, code in blocks if name == language]


def run_snippet(code: str) -> dict[str, Any]:
    """Execute ``code`` and return the names that it defines."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(code, "snippet", "exec"), names)  # noqa: S102
    return names
