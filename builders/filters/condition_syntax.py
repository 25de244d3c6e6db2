"""Check the syntax of conditions in ``[filters]``: a value may depend on its own row only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_UNSTABLE = """
SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT' AND function_name <> 'error'
"""
_MACROS = "SELECT DISTINCT function_name, macro_definition FROM duckdb_functions() WHERE function_type = 'macro'"
# Words that call a function without parentheses, and functions that DuckDB wrongly lists as consistent.
_CLOCKS = frozenset(("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"))
_ALSO_UNSTABLE = _CLOCKS | {"current_localtime", "current_localtimestamp"}
# Table functions that read nothing but their arguments.
_PURE_TABLES = frozenset(("unnest", "range", "generate_series"))


def forbidden(db: duckdb.DuckDBPyConnection, condition: str) -> str | None:
    """Why ``condition`` is not allowed, or None; DuckDB itself refuses one that does not parse."""
    tree = _parsed(db, f"SELECT ({condition}\n)")
    if tree is None:
        return None
    statements = tree["statements"]
    first = statements[0]["node"]
    if len(statements) > 1 or first.get("from_table", {}).get("type") != "EMPTY" or len(first["select_list"]) > 1:
        return "it is more than one expression"
    unstable = {name for (name,) in db.execute(_UNSTABLE).fetchall()} | _ALSO_UNSTABLE
    macros: dict[str, list[str]] = {}
    for name, definition in db.execute(_MACROS).fetchall():
        macros.setdefault(name, []).append(definition)
    return _fault(db, tree, unstable, macros)


def _fault(db: duckdb.DuckDBPyConnection, tree: Any, unstable: set[str], macros: dict[str, list[str]]) -> str | None:
    """The first fault of a parsed query; the definitions of macros are searched too."""
    nodes = list(_nodes(tree))
    own = {entry["key"] for node in nodes for entry in node.get("cte_map", {}).get("map", [])}
    for node in nodes:
        if (fault := _table_fault(node, own)) is not None:
            return fault
        name = _function(node)
        if name is None:
            continue
        if name in unstable or (name == "age" and len(node.get("arguments") or node.get("children", [])) == 1):
            return f"{name} does not give the same value in every build"
        for definition in macros.pop(name, []):
            inner = _parsed(db, f"SELECT ({definition}\n)")
            if inner is not None and _fault(db, inner, unstable, macros) is not None:
                return f"{name} does not give the same value in every build"
    return None


def _table_fault(node: dict[str, Any], own: set[str]) -> str | None:
    """Why a node that reads rows is not allowed, or None."""
    if node.get("sample") is not None:
        return "a sample does not give the same value in every build"
    if node.get("type") == "BASE_TABLE" and node["table_name"] not in own:
        return f"it reads {node['table_name']!r}; a condition may read only its own row"
    if node.get("type") == "TABLE_FUNCTION":
        name = str(node["function"]["function_name"]).lower()
        if name not in _PURE_TABLES:
            return f"it reads {name}(...); a condition may read only its own row"
    return None


def _function(node: dict[str, Any]) -> str | None:
    """Name of the function that a node calls, or None."""
    if node.get("type") == "COLUMN_REF" and len(node["column_names"]) == 1:
        word = str(node["column_names"][0]).lower()
        return word if word in _CLOCKS else None
    return str(node["function_name"]).lower() if "function_name" in node else None


def _parsed(db: duckdb.DuckDBPyConnection, query: str) -> Any:
    """The parsed query as JSON, or None if it does not parse."""
    (text,) = db.execute("SELECT json_serialize_sql($query)", {"query": query}).fetchall()[0]
    tree = json.loads(text)
    return None if tree["error"] else tree


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a parsed query."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
