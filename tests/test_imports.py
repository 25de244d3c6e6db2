"""Imports point down the levels of the house, and no folder or file imports itself by way of others.

All imports count: those within functions and those for type checkers as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("builders", "retriever", "schemas")

# Rooms from the top down. A room imports rooms of lower lines only; in the line of PEERS rooms may import each other
# as long as they form no circle.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("nyxqa",),
    ("runner", "preloaded"),
    ("feedback", "evaluate"),
    ("publish",),
    ("check", "pipeline"),
    ("stages",),
    ("report",),
    ("update",),
    ("assembly", "mining"),
    ("question_sets",),
    ("qa",),
    ("vlm", "filters"),
    ("sources", "images", "dedup", "sample_pages"),
    ("row_files",),
    ("engine", "chunking", "rows", "formatting"),
    ("retriever",),
    ("schemas",),
)
PEERS = ("engine", "chunking", "rows", "formatting")
# Rooms beside the levels, with all that they may import.
BESIDE = {"export": ("schemas",), "browse": ("report", "dedup", "schemas")}

_LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

Graph = Mapping[str, Iterable[str]]


def module_files(root: Path) -> dict[str, Path]:
    """Every module of the package whose folders lie in ``root``, by its dotted name."""
    files = [file for package in PACKAGES for file in (root / package).rglob("*.py")]
    modules = {}
    for file in [*files, *(root / "nyxqa").glob("*.py")]:
        parts = file.relative_to(root).with_suffix("").parts
        names = parts if parts[0] == "nyxqa" else ("nyxqa", *parts)
        modules[".".join(names[:-1] if names[-1] == "__init__" else names)] = file
    return modules


def import_graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """For each module, those of ``files`` that it imports anywhere."""
    return {module: _imports(module, file) & (files.keys() - {module}) for module, file in files.items()}


def _imports(module: str, file: Path) -> set[str]:
    """Names that may be modules in the imports of ``file``."""
    package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            names.update([source, *(f"{source}.{alias.name}" for alias in node.names)])
    return names


def room(module: str) -> str:
    """The folder of a module, or the module itself where it lies beside the folders; ``nyxqa`` for the top."""
    names = module.split(".")
    if len(names) == 1 or names[1] not in PACKAGES:
        return "nyxqa"
    return names[2] if names[1] == "builders" and len(names) > 2 else names[1]


def sub_room(module: str) -> str:
    """The folder of a module within its room; a module that lies beside such folders stands for itself."""
    names = module.split(".")
    depth = 4 if names[1:2] == ["builders"] else 3
    return ".".join(names[:depth])


def forbidden_arrows(graph: Graph) -> list[str]:
    """Imports against the levels, one line each."""
    found = []
    for module, imports in sorted(graph.items()):
        for imported in sorted(imports):
            start, end = room(module), room(imported)
            if start != end and end != "builders" and not _is_allowed(start, end):
                found.append(f"{module} ({start}) imports {imported} ({end})")
    return found


def _is_allowed(start: str, end: str) -> bool:
    for name in (start, end):
        assert name in _LEVEL or name in BESIDE, f"builders/{name} has no level: add it to tests/test_imports.py"
    if start in BESIDE:
        return end in BESIDE[start]
    if end in BESIDE:
        return start == "nyxqa" or _LEVEL[start] < min(_LEVEL[name] for name in BESIDE[end])
    return _LEVEL[start] < _LEVEL[end] or (start in PEERS and end in PEERS)


def grouped(graph: Graph, group: Callable[[str], str]) -> dict[str, set[str]]:
    """The graph of groups; imports within a group are left out."""
    groups: dict[str, set[str]] = {}
    for module, imports in graph.items():
        groups.setdefault(group(module), set()).update(group(imported) for imported in imports)
    return {name: imports - {name} for name, imports in groups.items()}


def circles(graph: Graph) -> list[list[str]]:
    """Names that import each other by way of others: the strongly connected components of more than one name."""
    reached = {name: _reachable(graph, name) for name in graph}
    found = {tuple(sorted(other for other in reached[name] if name in reached.get(other, ()))) for name in graph}
    return sorted(list(names) for names in found if len(names) > 1)


def _reachable(graph: Graph, start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        new = set(graph.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return import_graph(module_files(ROOT))


def test_every_import_points_down(graph: dict[str, set[str]]) -> None:
    assert len(graph) > 200  # the folders were found
    assert forbidden_arrows(graph) == []


@pytest.mark.parametrize("group", [room, sub_room, str], ids=["rooms", "sub-rooms", "files"])
def test_no_circle(graph: dict[str, set[str]], group: Callable[[str], str]) -> None:
    assert circles(grouped(graph, group)) == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("nyxqa.builders.stages.dedup", "nyxqa.builders.runner.execute"),
        ("nyxqa.builders.engine.run", "nyxqa.builders.row_files.reader"),
        ("nyxqa.builders.check.check", "nyxqa.builders.pipeline"),
        ("nyxqa.builders.assembly.rows", "nyxqa.builders.mining.margin"),
        ("nyxqa.schemas.tables", "nyxqa.retriever.protocols"),
        ("nyxqa.retriever.protocols", "nyxqa.builders.rows"),
        ("nyxqa.schemas.tables", "nyxqa.cli"),
        ("nyxqa.builders.export.beir", "nyxqa.builders.rows"),
        ("nyxqa.schemas.tables", "nyxqa.builders.export.beir"),
        ("nyxqa.builders.report.report", "nyxqa.builders.browse.pages"),
    ],
)
def test_a_planted_arrow_is_found(module: str, imported: str) -> None:
    assert len(forbidden_arrows({module: [imported], imported: []})) == 1


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("nyxqa.builders.runner.execute", "nyxqa.builders.pipeline"),
        ("nyxqa.builders.row_files.reader", "nyxqa.builders.engine.run"),
        ("nyxqa.builders.chunking.cutter", "nyxqa.builders.rows"),
        ("nyxqa.builders.engine.run", "nyxqa.builders.engine.step"),
        ("nyxqa.builders.export.beir", "nyxqa.schemas.tables"),
        ("nyxqa.cli", "nyxqa.builders.export.export"),
        ("nyxqa.cli", "nyxqa.builders"),
    ],
)
def test_an_arrow_down_is_allowed(module: str, imported: str) -> None:
    assert forbidden_arrows({module: [imported], imported: []}) == []


def test_a_room_without_a_level_is_named() -> None:
    with pytest.raises(AssertionError, match="builders/attic has no level"):
        forbidden_arrows({"nyxqa.builders.attic.a": ["nyxqa.schemas.tables"], "nyxqa.schemas.tables": []})


def test_a_planted_circle_between_rooms_is_found() -> None:
    planted = {
        "nyxqa.builders.rows": ["nyxqa.builders.chunking.cutter"],
        "nyxqa.builders.chunking.cutter": [],
        "nyxqa.builders.chunking.tokenizers": ["nyxqa.builders.engine.step"],
        "nyxqa.builders.engine.step": [],
        "nyxqa.builders.engine.run": ["nyxqa.builders.rows"],
    }
    assert forbidden_arrows(planted) == []
    assert circles(planted) == []
    assert circles(grouped(planted, room)) == [["chunking", "engine", "rows"]]


def test_a_planted_circle_between_sub_rooms_is_found() -> None:
    planted = {
        "nyxqa.retriever.index.search": ["nyxqa.retriever.models.checkpoints"],
        "nyxqa.retriever.models.checkpoints": [],
        "nyxqa.retriever.models.hf": ["nyxqa.retriever.index.embeddings"],
        "nyxqa.retriever.index.embeddings": ["nyxqa.retriever.protocols"],
        "nyxqa.retriever.protocols": [],
    }
    assert circles(planted) == []
    assert circles(grouped(planted, room)) == []
    assert circles(grouped(planted, sub_room)) == [["nyxqa.retriever.index", "nyxqa.retriever.models"]]


def test_every_form_of_import_is_read(tmp_path: Path) -> None:
    sources = {
        "schemas/__init__.py": "",
        "schemas/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nyxqa.schemas.b import B\n",
        "schemas/b.py": "def load():\n    from nyxqa.schemas import c\n",
        "schemas/c.py": "import nyxqa.schemas.d\n",
        "schemas/d.py": "from . import a\nfrom .b import load\nimport os\n",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    graph = import_graph(module_files(tmp_path))
    within = {module: imports - {"nyxqa.schemas"} for module, imports in graph.items()}
    assert within == {
        "nyxqa.schemas": set(),
        "nyxqa.schemas.a": {"nyxqa.schemas.b"},
        "nyxqa.schemas.b": {"nyxqa.schemas.c"},
        "nyxqa.schemas.c": {"nyxqa.schemas.d"},
        "nyxqa.schemas.d": {"nyxqa.schemas.a", "nyxqa.schemas.b"},
    }
    assert circles(graph) == [[f"nyxqa.schemas.{name}" for name in "abcd"]]
