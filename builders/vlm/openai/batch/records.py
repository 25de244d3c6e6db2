"""What is known of the batches of a model: one SQLite file beside the stored answers.

A batch is ``writing`` while its file grows, ``written`` once no more requests join it, ``uploading`` from before its
file is uploaded, ``creating`` from before the batch is asked for, ``submitted`` once the server named it, and ``ended``
once its results are stored. A run that is killed leaves it in one of these states, and the next run goes on from there.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.sqlite import Statement, open_store, transact
from nyxqa.schemas.errors import WorldError

BATCHES = "batches.sqlite"
_WHAT = "a batch of requests"
_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, requests INTEGER NOT NULL DEFAULT 0,
    file_id TEXT NOT NULL DEFAULT '', batch_id TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS lines (
    line TEXT PRIMARY KEY, key TEXT NOT NULL, left_out TEXT NOT NULL, batch INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS responses (
    line TEXT PRIMARY KEY, key TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS responses_by_key ON responses (key);
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    :param number: From 1, in the order in which batches were made.
    :param name: Random, so that the batch is found among those of the server if its reply was lost.
    :param file_id: The server's name of the uploaded file; empty before.
    :param batch_id: The server's name of the batch; empty before.
    """

    number: int
    name: str
    state: str
    requests: int
    file_id: str
    batch_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch.

    :param line: SHA-256 of its body, 64 hex digits: its ``custom_id``.
    :param key: Key of the stored answer.
    :param left_out: Ids of images that the body does not hold.
    :param tries: How often the server failed at it, which may pass.
    """

    line: str
    key: str
    left_out: tuple[str, ...]
    tries: int = 0


class BatchRecords:
    """The batches of one folder; one process owns them at a time.

    :raises WorldError: If the file cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / BATCHES
        try:
            self._db = open_store(path, _TABLES, timeout=5.0, exclusive=True)
        except (OSError, sqlite3.Error) as error:
            raise WorldError(f"cannot use the batches in {path}: {error}; is another build running?") from error

    def begin(self) -> Batch:
        """A new batch that is being written."""
        name = secrets.token_hex(16)
        self._do(("INSERT INTO batches (name, state) VALUES (?, 'writing')", (name,)))
        return self._batches("name = ?", name)[0]

    def add(self, batch: Batch, lines: Sequence[Line]) -> None:
        """Note which requests a batch holds; how often they failed before is kept."""
        insert = (
            "INSERT INTO lines (line, key, left_out, batch) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (line) DO UPDATE SET batch = excluded.batch"
        )
        self._do(*((insert, (line.line, line.key, " ".join(line.left_out), batch.number)) for line in lines))

    def note(self, batch: Batch, state: str, file_id: str = "", batch_id: str = "", requests: int = 0) -> Batch:
        """The batch in another state; what is not given stays as it is."""
        changed = (state, file_id or batch.file_id, batch_id or batch.batch_id, requests or batch.requests)
        update = "UPDATE batches SET state = ?, file_id = ?, batch_id = ?, requests = ? WHERE number = ?"
        self._do((update, (*changed, batch.number)))
        return self._batches("number = ?", batch.number)[0]

    def forget_unwritten(self) -> None:
        """Forget batches whose file a killed run did not complete; none of their requests was sent."""
        self._do(("UPDATE batches SET state = 'ended' WHERE state = 'writing'", ()))

    def open_batches(self) -> list[Batch]:
        """Batches that are written or at the server, in their order."""
        return self._batches("state NOT IN ('writing', 'ended')")

    def is_asked(self, line: str) -> bool:
        """Whether a request is in a batch that has not ended."""
        found = self._db.execute(
            "SELECT 1 FROM lines JOIN batches ON batches.number = lines.batch WHERE line = ? AND state != 'ended'",
            (line,),
        )
        return found.fetchone() is not None

    def line(self, line: str) -> Line | None:
        """A request that was in a batch, by its ``custom_id``."""
        row = self._db.execute("SELECT line, key, left_out, tries FROM lines WHERE line = ?", (line,)).fetchone()
        return None if row is None else Line(row[0], row[1], tuple(row[2].split()), row[3])

    def response(self, line: str) -> tuple[int, bytes] | None:
        """Status and body of the final response to a request that did not give its answer at once."""
        row = self._db.execute("SELECT status, body FROM responses WHERE line = ?", (line,)).fetchone()
        return None if row is None else (row[0], row[1])

    def has_response(self, key: str) -> bool:
        """Whether another body of the same request got a final response."""
        return self._db.execute("SELECT 1 FROM responses WHERE key = ?", (key,)).fetchone() is not None

    def put_results(self, failed: Sequence[Line], final: Sequence[tuple[Line, int, bytes]]) -> None:
        """Store which requests failed once more, and responses that a later attempt would not change."""
        statements: list[Statement] = [
            ("UPDATE lines SET tries = tries + 1 WHERE line = ?", (line.line,)) for line in failed
        ]
        statements += [
            ("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?)", (line.line, line.key, status, body))
            for line, status, body in final
        ]
        self._do(*statements)

    def forget_responses(self, key: str) -> None:
        """Forget what a request got, so that it is sent again when it is asked again."""
        self._do(
            ("UPDATE lines SET tries = 0 WHERE line IN (SELECT line FROM responses WHERE key = ?)", (key,)),
            ("DELETE FROM responses WHERE key = ?", (key,)),
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _batches(self, condition: str, *values: object) -> list[Batch]:
        query = (
            f"SELECT number, name, state, requests, file_id, batch_id FROM batches WHERE {condition} ORDER BY number"  # noqa: S608
        )
        return [Batch(*row) for row in self._db.execute(query, values)]

    def _do(self, *statements: Statement) -> None:
        if statements:
            transact(self._db, _WHAT, *statements)
