"""Modules are neither too long to read in one sitting nor too small to be worth a file of their own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.test_imports import import_graph, module_files

ROOT = Path(__file__).parents[1]
FOLDERS = ("builders", "retriever", "schemas", "nyxqa")
MAX_MODULE_LINES = 310
MAX_FUNCTION_LINES = 60
WITHOUT_LIMIT = ("builders/sample_pages/",)  # texts and tables of the bundled sample

# A module of at most SMALL lines that one other module imports belongs into that one, unless it has tests of its own.
SMALL = 60
SLOW = ("datasets", "torch", "transformers", "starlette")

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
        ("x = 1\n" * 310, []),
        ("x = 1\n" * 311, ["m.py: 311 lines, at most 310"]),
        ("def f():\n" + "    x = 1\n" * 59, []),
        ("class A:\n    async def f(self):\n" + "        x = 1\n" * 60, ["m.py: f has 61 lines, at most 60"]),
    ],
    ids=["module", "long module", "function", "long method"],
)
def test_what_is_too_long_is_listed(source: str, lines: list[str]) -> None:
    assert list(too_long("m.py", source)) == lines


def small_modules(
    graph: Mapping[str, Iterable[str]], lines: Mapping[str, int], tested: Iterable[str]
) -> list[tuple[str, str]]:
    """Small modules that only one other module imports, each with that module.

    Left out are modules with a test file of their own, modules whose one importer makes objects by name (``factory``),
    and modules that one of another folder imports, since a folder is imported for its subject.

    :param graph: For each module those that it imports.
    :param tested: Names of modules that have a test file.
    """
    importers: dict[str, set[str]] = defaultdict(set)
    for module, imports in graph.items():
        for imported in imports:
            importers[imported].add(module)
    own = set(tested)
    return [
        (module, importer)
        for module, count in sorted(lines.items())
        if count <= SMALL and len(importers[module]) == 1 and module.rpartition(".")[2] not in own
        for importer in importers[module]
        if importer.rpartition(".")[2] != "factory" and _folder(importer) == _folder(module)
    ]


def _is_apart(source: str) -> bool:
    """Whether a module is a program, or loads a slow library, so that it is imported only where that is needed."""
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    loaded = {name.split(".")[0] for node in imports for name in [getattr(node, "module", None) or node.names[0].name]}
    return '__name__ == "__main__"' in source or not loaded.isdisjoint(SLOW)


def _folder(module: str) -> str:
    return module.rpartition(".")[0]


def test_no_small_module_has_one_importer_in_its_folder() -> None:
    files = module_files(ROOT)
    sources = {name: file.read_text() for name, file in files.items() if file.stem != "__init__"}
    small = {name: len(text.splitlines()) for name, text in sources.items() if not _is_apart(text)}
    tested = {file.stem.removeprefix("test_") for file in (ROOT / "tests").rglob("test_*.py")}
    assert small_modules(import_graph(files), small, tested) == []


@pytest.mark.parametrize(
    ("imports", "lines", "tested", "found"),
    [
        ({"a.x": ["a.y"], "a.y": []}, 60, [], [("a.y", "a.x")]),
        ({"a.x": ["a.y"], "a.y": []}, 61, [], []),
        ({"a.x": ["a.y"], "a.y": []}, 60, ["y"], []),
        ({"a.x": ["a.y"], "a.z": ["a.y"], "a.y": []}, 60, [], []),
        ({"a.factory": ["a.y"], "a.y": []}, 60, [], []),
        ({"b.x": ["a.y"], "a.y": []}, 60, [], []),
    ],
    ids=["small", "larger", "tested", "two importers", "made by name", "from another folder"],
)
def test_a_planted_small_module_is_found(
    imports: dict[str, list[str]], lines: int, tested: list[str], found: list[tuple[str, str]]
) -> None:
    assert small_modules(imports, {"a.y": lines}, tested) == found
