"""Limits of DuckDB on memory, threads and disk, and errors that say which limit to raise."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from nyxqa.builders.engine.instances import attached, instance
from nyxqa.schemas.errors import FormatError, UsageError, WorldError, one_line

if TYPE_CHECKING:
    import duckdb

_NO_SPACE = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


@dataclass(frozen=True)
class Limits:
    """Limits of each DuckDB database; none of them changes a result.

    :param memory: Memory limit, such as ``1GB``; data beyond it is spilled to disk.
    :param threads: Number of threads, and of text batches that deduplication processes at once.
    :param spill: Limit of spilled bytes, such as ``50GB``; None for no limit but the disk.
    :param folder: Where data is spilled; None for beside the database.
    :param scratch: Where temporary databases lie; None for the folder of what makes them.
    """

    memory: str = "1GB"
    threads: int = 2
    spill: str | None = None
    folder: Path | None = None
    scratch: Path | None = None


_CURRENT: ContextVar[Limits | None] = ContextVar("limits", default=None)


def current() -> Limits:
    """The limits of the running build; outside a build the defaults."""
    return _CURRENT.get() or Limits()


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Apply ``limits`` to every database opened inside the context."""
    token = _CURRENT.set(limits)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def connected(
    file: Path, limits: Limits, temporary: bool = False, stored: bool = True
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database on ``file``, created if missing, within ``limits``; its spill folder is removed at the end.

    :param temporary: Whether ``file`` is deleted afterwards.
    :param stored: False for a database in memory, whose tables go to the spill folder beside ``file`` where it is full.
    :raises UsageError: If DuckDB does not accept a limit.
    :raises WorldError: If memory, spill space or disk run out, or a file cannot be used.
    """
    with (
        translated_errors(limits, file.parent),
        _spill_folder(file, limits.folder) as spill,
        instance() as connection,
    ):
        _apply(connection, limits, spill)
        with attached(connection, file if stored else None, temporary):
            yield connection


@contextmanager
def _spill_folder(file: Path, given: Path | None) -> Iterator[str]:
    if given is None:
        beside = file.with_suffix(".spill")
        shutil.rmtree(beside, ignore_errors=True)  # of a killed run
        yield str(beside)
        shutil.rmtree(beside, ignore_errors=True)
        return
    try:
        given.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorldError(f"duckdb.folder {given} cannot be created: {error.strerror or error}") from error
    # A folder for each database: two that share one read each other's files as their own.
    with TemporaryDirectory(dir=given, prefix="nyxqa-spill-") as own:
        yield own


def _apply(connection: duckdb.DuckDBPyConnection, limits: Limits, spill: str) -> None:
    import duckdb

    given = {"memory_limit": limits.memory, "threads": limits.threads, "max_temp_directory_size": limits.spill}
    for option, value in given.items():
        if value is None:
            connection.execute(f"RESET {option}")
            continue
        try:
            # Set after opening: DuckDB 1.5 to 2.0 report a spill limit that is given on opening, but ignore it.
            connection.execute(f"SET {option} = ?", [value])
        except duckdb.Error as error:
            raise UsageError(f"DuckDB does not accept {option} = {value!r}: {one_line(error)}") from error
    connection.execute("SET temp_directory = ?", [spill])
    connection.execute("SET preserve_insertion_order = false")


@contextmanager
def translated_errors(limits: Limits, folder: Path) -> Iterator[None]:
    """Turn DuckDB's errors about memory, disk and files into errors that say what was full and which limit to raise.

    :param folder: Folder of the database.
    :raises WorldError: For each such error.
    :raises FormatError: If what is in a Parquet file cannot be read, as text that is not UTF-8.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        # What memory did not suffice for when a file was closed comes as an error of input and output.
        if isinstance(error, duckdb.OutOfMemoryException) or "failed to pin block" in str(error):
            raise WorldError(f"{_exhausted(str(error), limits, folder)} ({one_line(error, 200)})") from error
        if any(sign in str(error) for sign in _NO_SPACE):  # several classes, depending on what was being written
            raise WorldError(_full(limits, folder)) from error
        if isinstance(error, duckdb.IOException):
            raise WorldError(f"DuckDB cannot use its files in {folder}: {one_line(error)}") from error
        if isinstance(error, duckdb.InvalidInputException) and ".parquet" in str(error):
            raise FormatError(f"a file cannot be read: {one_line(error, 300)}") from error
        raise


def _exhausted(message: str, limits: Limits, folder: Path) -> str:
    if "max_temp_directory_size" in message:
        return (
            f"DuckDB filled its spill space in {limits.folder or folder}, {limits.spill or 'nearly the whole disk'}: "
            "raise the limit spill (duckdb.spill in a recipe), or free disk space, and run again; finished parts are "
            "reused"
        )
    return (
        f"DuckDB needs more memory than the {limits.memory} it may use: raise the limit memory (duckdb.memory in a "
        f"recipe), or lower threads ({limits.threads}), and run again; finished parts are reused"
    )


def _full(limits: Limits, folder: Path) -> str:
    spill = "" if limits.folder is None else f" or {limits.folder}"
    return (
        f"the disk is full where DuckDB worked, in {folder}{spill}; free some space, or spill to another disk "
        "(duckdb.folder in a recipe), and run again; finished parts are reused"
    )
