"""SQL of others: a connection that reads only what it was given, one SELECT at a time, for a limited time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.sql import file_name_pattern, string_list

if TYPE_CHECKING:
    import duckdb

_LOCKED = "--unlocked lifts that"
# Configuration of a database in memory that reads no file, loads no extension, spills nothing and stays so.
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": "2GB",
    "temp_directory": "",
    "lock_configuration": True,
}


def lock(db: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """From now on ``db`` reads no file but ``files``, reaches no network, and keeps its configuration."""
    names = [name for file in files for name in (str(file), file_name_pattern(file))]
    db.execute("SET python_enable_replacements = false")
    db.execute(f"SET allowed_paths = {string_list(names)}")
    db.execute("SET autoload_known_extensions = false")
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")


def require_select(query: str) -> None:
    """Refuse what is not exactly one SELECT.

    :raises UsageError: Naming the statement.
    """
    import duckdb

    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        said = " ".join(str(error).partition("\n\nLINE ")[0].split())
        raise UsageError(f"the query failed: {said}") from error
    kinds = [str(statement.type.name) for statement in statements]
    if kinds != ["SELECT"]:
        found = "nothing" if not kinds else f"{len(kinds)} statements" if len(kinds) > 1 else kinds[0]
        raise UsageError(f"only one SELECT over this dataset's tables, and this is {found}; {_LOCKED}")


@contextmanager
def time_limit(db: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Interrupt what ``db`` runs inside the context after ``seconds``; DuckDB then raises ``InterruptException``.

    :param seconds: None for no limit.
    """
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, db.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
