"""Modules and functions stay short enough to read in one sitting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("builders", "retriever", "schemas", "nyxqa")
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
WITHOUT_LIMIT = ("builders/sample_pages/",)  # texts and tables of the bundled sample

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def too_long(name: str, source: str) -> Iterator[str]:
    """One line for a module that is too long, and one for each of its functions that is."""
    lines = len(source.splitlines())
    if lines > MAX_MODULE_LINES:
        yield f"{name}: {lines} lines, at most {MAX_MODULE_LINES}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTIONS) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{name}: {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}"


def test_modules_and_functions_are_short() -> None:
    files = {file.relative_to(ROOT).as_posix(): file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")}
    limited = {name: file for name, file in files.items() if not name.startswith(WITHOUT_LIMIT)}
    assert len(limited) > 200  # the folders were found
    assert [line for name, file in sorted(limited.items()) for line in too_long(name, file.read_text())] == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\n" * 400, []),
        ("x = 1\n" * 401, ["m.py: 401 lines, at most 400"]),
        ("def f():\n" + "    x = 1\n" * 59, []),
        ("class A:\n    async def f(self):\n" + "        x = 1\n" * 60, ["m.py: f has 61 lines, at most 60"]),
    ],
    ids=["module", "long module", "function", "long method"],
)
def test_what_is_too_long_is_listed(source: str, lines: list[str]) -> None:
    assert list(too_long("m.py", source)) == lines
