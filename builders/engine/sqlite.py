"""SQLite as the stores of observations use it: what is committed survives the death of the process."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nyxqa.schemas.errors import WorldError

Statement = tuple[str, tuple[object, ...]]


def open_store(file: Path, tables: str, patience: float, exclusive: bool = False) -> sqlite3.Connection:
    """The database in ``file``, made if missing, its folder as well.

    A write-ahead log makes a committed transaction survive the death of the process without a flush to disk for each;
    a power cut may cost the last few.

    :param tables: Statements that make its tables where they are missing.
    :param patience: Seconds to wait for another process that holds it.
    :param exclusive: Whether this process alone may have it, from whichever of its threads.
    :raises OSError: If the folder cannot be made.
    :raises sqlite3.Error: If the file cannot be used.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(file, timeout=patience, isolation_level=None, check_same_thread=not exclusive)
    if exclusive:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(tables)
    return db


def transact(db: sqlite3.Connection, what: str, *statements: Statement) -> None:
    """Run ``statements`` as one transaction.

    :param what: What they store, in words.
    :raises WorldError: If one fails; none has then happened.
    """
    try:
        db.execute("BEGIN")
        for statement, row in statements:
            db.execute(statement, row)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:  # some errors, as of a full disk, have ended it already
            db.execute("ROLLBACK")
        raise WorldError(f"cannot store {what}: {error}; free disk space and run again") from error
