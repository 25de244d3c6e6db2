"""The files of a batch: requests that are uploaded, as many as an API takes, and results that come back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.batch.records import Batch, BatchRecords, Line
from nyxqa.builders.vlm.openai.limits import Usage
from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.openai.server_text import read_completion
from nyxqa.builders.vlm.openai.transport import TransientError
from nyxqa.schemas.errors import WorldError

_TOGETHER = 500  # lines that are recorded in one transaction

MOST_TRIES = 3  # batches in which the server may fail at a request
# What may pass, and what is about the key, the account or the model rather than about one request.
_PASSING = frozenset({401, 402, 403, 404, 405, 408, 409, 424, 425, 429, 498})
_NOT_TRIED = frozenset({"batch_expired", "batch_cancelled", "batch_canceled"})
_STORED_AT_ONCE = 500  # results that are stored in one transaction


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What one file may hold: OpenAI takes 50,000 requests and 200 MB."""

    requests: int = 50_000
    size: int = 200_000_000


class RequestFiles:
    """Writes requests into files, each of which becomes a batch.

    :param folder: Where the files lie until they are uploaded.
    """

    def __init__(self, folder: Path, records: BatchRecords, limits: FileLimits) -> None:
        self._folder, self._records, self._limits = folder, records, limits
        self._batch: Batch | None = None
        self._file: BinaryIO | None = None
        self._requests = self._size = 0
        self._unrecorded: dict[str, Line] = {}

    def path(self, batch: Batch) -> Path:
        """Where the requests of ``batch`` lie."""
        return self._folder / f"batch-{batch.name}.jsonl"

    def holds(self, line: str) -> bool:
        """Whether a request was added in this run and is not recorded yet."""
        return line in self._unrecorded

    def add(self, line: Line, content: bytes) -> None:
        """Append a request.

        :param content: Its body, JSON without line breaks.
        :raises WorldError: If the disk is full.
        """
        head = {"custom_id": line.line, "method": "POST", "url": "/v1/chat/completions"}
        text = json.dumps(head)[:-1].encode("ascii") + b', "body": ' + content + b"}\n"
        if self._file is not None and (
            self._requests >= self._limits.requests or self._size + len(text) > self._limits.size
        ):
            self.finish()
        try:
            self._opened().write(text)
        except OSError as error:
            raise WorldError(
                f"cannot write a batch in {self._folder}: {error}; free disk space and run again"
            ) from error
        self._requests += 1
        self._size += len(text)
        self._unrecorded[line.line] = line
        if len(self._unrecorded) >= _TOGETHER:
            self._record()

    def finish(self) -> None:
        """Complete the file under way; it is safe from then on."""
        if self._file is None or self._batch is None:
            return
        self._record()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._records.note(self._batch, "written", requests=self._requests)
        self._file = self._batch = None
        self._requests = self._size = 0

    def discard(self) -> None:
        """Remove files of batches that a killed run did not complete or that are not needed any more."""
        self._records.forget_unwritten()
        kept = {self.path(batch) for batch in self._records.open_batches() if not batch.batch_id}
        for path in self._folder.glob("batch-*.jsonl"):
            if path not in kept:
                path.unlink()

    def close(self) -> None:
        """Close the file under way, which the next run discards."""
        if self._file is not None:
            self._file.close()
            self._file = self._batch = None

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._batch = self._records.begin()
            self._file = self.path(self._batch).open("wb")
        return self._file

    def _record(self) -> None:
        if self._batch is not None:
            self._records.add(self._batch, list(self._unrecorded.values()))
        self._unrecorded = {}


@dataclass
class _Found:
    """Results that are not stored yet."""

    answers: dict[str, ChatReply] = field(default_factory=dict)
    failed: list[Line] = field(default_factory=list)
    final: list[tuple[Line, int, bytes]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.answers) + len(self.failed) + len(self.final)


class Results:
    """Stores the results of batches.

    An answer that is complete goes to the answer store. What needs another request (an answer that was cut off, a
    refused parameter) is kept as a response, which the next run of the stage reads as if it had just come.

    :param secrets: What must not be stored of an error.
    """

    def __init__(self, answers: AnswerStore, records: BatchRecords, usage: Usage, secrets: tuple[str, ...]) -> None:
        self._answers, self._records, self._usage, self._secrets = answers, records, usage, secrets

    def store(self, path: Path) -> int:
        """Store the results in a downloaded file; returns how many requests were answered.

        :raises WorldError: If they cannot be stored.
        """
        found, answered = _Found(), 0
        for result in _results(path):
            answered += self._sort(result, found)
            if len(found) >= _STORED_AT_ONCE:
                self._put(found)
                found = _Found()
        self._put(found)
        return answered

    def _put(self, found: _Found) -> None:
        if found.answers:
            self._answers.put_answers(list(found.answers.items()))
        self._records.put_results(found.failed, found.final)

    def _sort(self, result: dict[str, Any], found: _Found) -> bool:
        """Add one result to what is stored; returns whether it holds an answer."""
        line = self._records.line(str(result.get("custom_id")))
        if line is None or line.key in found.answers or self._answers.answer(line.key) is not None:
            return False  # a request that was answered in another way meanwhile keeps that answer
        response = result.get("response")
        status = response.get("status_code") if isinstance(response, dict) else None
        if not isinstance(response, dict) or not isinstance(status, int):
            error = result.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            if code not in _NOT_TRIED:
                self._failed(line, 500, json.dumps({"error": error}).encode("ascii"), found)
            return False
        content = response.get("body")
        body = content.encode("utf-8", "replace") if isinstance(content, str) else json.dumps(content).encode("ascii")
        return self._read(line, status, body, found)

    def _read(self, line: Line, status: int, body: bytes, found: _Found) -> bool:
        if status >= 500 or status in _PASSING:
            self._failed(line, status, body, found)
            return False
        try:
            reply = read_completion(body, self._secrets) if status < 300 else None
        except TransientError:
            self._failed(line, status, body, found)
            return False
        if not isinstance(reply, ChatReply):
            found.final.append((line, status, body))
            return False
        self._usage.prompt_tokens += reply.prompt_tokens
        self._usage.completion_tokens += reply.completion_tokens
        if reply.truncated or self._records.has_response(line.key):
            found.final.append((line, status, body))
        else:
            found.answers[line.key] = ChatReply(
                reply.text, False, reply.prompt_tokens, reply.completion_tokens, line.left_out
            )
        return True

    def _failed(self, line: Line, status: int, body: bytes, found: _Found) -> None:
        """Count a failure that may pass; the last one is kept as the response."""
        if line.tries + 1 < MOST_TRIES:
            found.failed.append(line)
        else:
            found.final.append((line, status, body))


def _results(path: Path) -> Iterator[dict[str, Any]]:
    """The results in a file; lines that are not JSON objects are left out."""
    with path.open("rb") as file:
        for text in file:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value
