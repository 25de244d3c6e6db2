"""Stored answers and failures of a model: one SQLite file, one transaction per answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nyxqa.builders.engine.sqlite import Statement, erase_deleted, open_store, transact
from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.protocol import Failed
from nyxqa.schemas.errors import WorldError

ANSWERS = "answers.sqlite"
MARK = "mark-used"  # a file beside it; while it is there, the answers that are read and stored are marked as used
_MARKED_AT_ONCE = 1000
_LOCK_TIMEOUT = 5.0  # seconds to wait for another process to release the file
_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, truncated INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY, reason TEXT NOT NULL, detail TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_out (
    key TEXT PRIMARY KEY, images TEXT NOT NULL) WITHOUT ROWID;
"""
_USED = "CREATE TABLE IF NOT EXISTS used (key TEXT PRIMARY KEY) WITHOUT ROWID"


class AnswerStore:
    """The answers of one folder; one process owns it at a time.

    A committed answer survives the death of the process; a power cut may lose the last few, which are requested again.

    :param folder: Folder of the file; created if missing.
    :raises WorldError: If another process owns the file or it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        path = folder / ANSWERS
        try:
            self._db = open_store(path, _TABLES, _LOCK_TIMEOUT, exclusive=True)
        except (OSError, sqlite3.Error) as error:
            raise WorldError(f"cannot use the model answers in {path}: {error}; is another build running?") from error
        self._marking = (folder / MARK).exists()
        self._used: set[str] = set()
        if self._marking:
            self._db.execute(_USED)
        self._failures = bool(self.failures())  # without any, neither reading nor storing looks for one

    def answer(self, key: str) -> ChatReply | None:
        """The stored answer, if any."""
        self._mark(key)
        with self._lock:
            row = self._db.execute(
                "SELECT text, truncated, prompt_tokens, completion_tokens, images "
                "FROM answers LEFT JOIN left_out USING (key) WHERE key = ?",
                (key,),
            ).fetchone()
        return None if row is None else ChatReply(row[0], bool(row[1]), row[2], row[3], tuple((row[4] or "").split()))

    def failure(self, key: str) -> Failed | None:
        """The stored failure, if any."""
        if not self._failures:
            return None
        with self._lock:
            row = self._db.execute("SELECT reason, detail FROM failures WHERE key = ?", (key,)).fetchone()
        return None if row is None else Failed(*row)

    def put_answer(self, key: str, reply: ChatReply) -> None:
        """Store an answer; it replaces a failure."""
        self.put_answers([(key, reply)])

    def put_answers(self, answers: Sequence[tuple[str, ChatReply]]) -> None:
        """Store answers in one transaction; they replace failures."""
        statements: list[Statement] = []
        for key, reply in answers:
            row = (key, reply.text, int(reply.truncated), reply.prompt_tokens, reply.completion_tokens)
            statements.append(("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row))
            if self._failures:
                statements.append(("DELETE FROM failures WHERE key = ?", (key,)))
            if reply.left_out:
                left_out = (key, " ".join(reply.left_out))
                statements.append(("INSERT OR REPLACE INTO left_out VALUES (?, ?)", left_out))
        with self._lock:
            transact(self._db, "a model answer", *statements)

    def put_failure(self, key: str, failure: Failed) -> None:
        """Store that a request got no usable answer."""
        with self._lock:
            transact(
                self._db,
                "a model answer",
                ("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (key, failure.reason, failure.detail)),
            )
            self._failures = True

    def totals(self) -> dict[str, int]:
        """``requests``, ``prompt_tokens`` and ``completion_tokens`` of all stored answers, of whichever run."""
        with self._lock:
            row = self._db.execute(
                "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0) FROM answers"
            ).fetchone()
        return {"requests": row[0], "prompt_tokens": row[1], "completion_tokens": row[2]}

    def failures(self) -> int:
        """Number of stored failures."""
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM failures").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._mark()
        with self._lock:
            self._db.close()

    def _mark(self, key: str | None = None) -> None:
        """Mark an answer as used; without a key, store what is marked."""
        if not self._marking:
            return
        with self._lock:
            if key is not None:
                self._used.add(key)
            if self._used and (key is None or len(self._used) >= _MARKED_AT_ONCE):
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR IGNORE INTO used VALUES (?)", [(one,) for one in self._used])
                self._db.execute("COMMIT")
                self._used.clear()


def begin_marking(folder: Path) -> None:
    """Mark from now on which answers are used; marks of earlier runs do not count.

    :raises WorldError: If another process owns the file or it cannot be changed.
    """
    folder.mkdir(exist_ok=True)
    if (folder / ANSWERS).exists():
        with _owned(folder) as db:
            db.execute("DROP TABLE IF EXISTS used")
    (folder / MARK).touch()


def drop_unused(folder: Path) -> int:
    """Delete the answers that were not used since ``begin_marking``, without a trace of them; returns their number.

    Stopped anywhere it is repeated; the marks stay until the next ``begin_marking``, and without it nothing is deleted.

    :raises WorldError: If another process owns the file or it cannot be changed.
    """
    if not (folder / MARK).exists():
        return 0
    removed = 0
    if (folder / ANSWERS).exists():
        with _owned(folder) as db:
            db.execute(_USED)
            removed = db.execute("DELETE FROM answers WHERE key NOT IN (SELECT key FROM used)").rowcount
            for table in ("failures", "left_out"):
                db.execute(f"DELETE FROM {table} WHERE key NOT IN (SELECT key FROM used)")  # noqa: S608 - ours
            erase_deleted(db)
    (folder / MARK).unlink()
    return removed


@contextmanager
def _owned(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database in ``folder``, which no other process may use meanwhile."""
    try:
        db = open_store(folder / ANSWERS, _TABLES, _LOCK_TIMEOUT, exclusive=True)
        try:
            yield db
        finally:
            db.close()
    except (OSError, sqlite3.Error) as error:
        raise WorldError(f"cannot delete model answers in {folder}: {error}; is another build running?") from error
