"""Values, names and files as parts of a SQL statement for DuckDB."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path


def string_literal(text: str) -> str:
    """``text`` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier: a table, a column or a field."""
    return '"' + name.replace('"', '""') + '"'


def string_list(texts: Iterable[str]) -> str:
    """A SQL list of strings."""
    return "[" + ", ".join(map(string_literal, texts)) + "]"


def file_list(files: Iterable[Path]) -> str:
    """A SQL list of files to read, as ``read_parquet`` takes it.

    DuckDB reads a file name as a pattern; characters that would be wildcards are escaped, so that a name matches
    exactly one file.
    """
    return string_list(map(file_name_pattern, files))


def file_name_pattern(file: Path) -> str:
    """The pattern that matches exactly that file."""
    return glob.escape(str(file))
