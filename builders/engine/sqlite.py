"""SQLite stores of observations, such as model answers: committed rows survive the death of the process."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nyxqa.schemas.errors import WorldError

Statement = tuple[str, tuple[object, ...]]


def open_store(file: Path, tables: str, timeout: float, exclusive: bool = False) -> sqlite3.Connection:
    """Open the database in ``file``; file and folder are created if missing.

    With a write-ahead log a committed transaction survives the death of the process without a flush to disk for each
    transaction; a power cut may lose the last few.

    :param tables: Statements that create missing tables.
    :param timeout: Seconds to wait while another process holds a lock.
    :param exclusive: Whether no other process may open it; all threads of this one then may use it.
    :raises OSError: If the folder cannot be created.
    :raises sqlite3.Error: If the file cannot be used.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(file, timeout=timeout, isolation_level=None, check_same_thread=not exclusive)
    if exclusive:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(tables)
    return db


def transact(db: sqlite3.Connection, what: str, *statements: Statement) -> None:
    """Run ``statements`` as one transaction.

    :param what: The stored object, for the message.
    :raises WorldError: If a statement fails; then none of them takes effect.
    """
    try:
        if len(statements) == 1:  # is a transaction by itself
            db.execute(*statements[0])
            return
        db.execute("BEGIN")
        for statement, row in statements:
            db.execute(statement, row)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:  # some errors, such as a full disk, end the transaction themselves
            db.execute("ROLLBACK")
        raise WorldError(f"cannot store {what}: {error}; free disk space and run again") from error


def erase_deleted(db: sqlite3.Connection) -> None:
    """Write the file anew without the bytes of deleted rows, which SQLite leaves in place.

    :raises sqlite3.Error: If the file cannot be written.
    """
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
