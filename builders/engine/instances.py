"""DuckDB instances, one user after the other: starting one takes 17 ms of processor, attaching a file to one 2 ms."""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import duckdb

# At most one instance waits here for its next user. Instances are not shared: limits and the spill folder belong to the
# instance, not to the file.
_IDLE: list[duckdb.DuckDBPyConnection] = []
# An instance of the parent process: its threads do not exist in a forked child, so it is neither used nor closed there.
_INHERITED: list[duckdb.DuckDBPyConnection] = []
_NUMBERS = itertools.count(1)


def _forget_in_child() -> None:
    _INHERITED.extend(_IDLE)
    _IDLE.clear()


def _close_idle() -> None:
    """Close what waits before the interpreter ends, which would complain of it on stderr."""
    while _IDLE:
        _IDLE.pop().close()


os.register_at_fork(after_in_child=_forget_in_child)
atexit.register(_close_idle)


@contextmanager
def instance() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an instance that nobody else uses, with no file attached.

    After an error the instance is closed; else it waits for its next user, who sets every option that matters.
    """
    import duckdb

    owner = _IDLE.pop() if _IDLE else duckdb.connect()
    connection = owner.cursor()
    try:
        yield connection
    except BaseException:
        connection.close()
        owner.close()
        raise
    keep = not _IDLE and _has_not_spilled(connection)
    connection.close()
    if keep:
        _IDLE.append(owner)
    else:
        owner.close()


def _has_not_spilled(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the spill folder can still be changed: DuckDB keeps the first one that it wrote to."""
    import duckdb

    try:
        connection.execute("SET temp_directory = ''")
    except duckdb.NotImplementedException:
        return False
    return True


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, file: Path | None, temporary: bool) -> Iterator[None]:
    """Make the database in ``file``, created if missing, the default of ``connection``; detach it at the end.

    :param file: None for a database in memory.
    :param temporary: Whether ``file`` is deleted afterwards, so that its log need not be merged into it.
    """
    name = f"file_{next(_NUMBERS)}"
    connection.execute(f"PRAGMA {'disable' if temporary else 'enable'}_checkpoint_on_shutdown")
    connection.execute(f"ATTACH {string_literal(str(file or ':memory:'))} AS {name}")
    connection.execute(f"USE {name}")
    yield
    connection.execute("USE memory")
    connection.execute(f"DETACH {name}")


def beside(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same instance, with the same default database."""
    found = connection.execute("SELECT current_database()").fetchall()
    second = connection.cursor()
    second.execute(f"USE {found[0][0]}")
    return second
