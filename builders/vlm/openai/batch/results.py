"""The results of a batch: which requests were answered, which failed for good, which are asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nyxqa.builders.vlm.openai.answer_store import AnswerStore
from nyxqa.builders.vlm.openai.batch.records import BatchRecords, Line
from nyxqa.builders.vlm.openai.completion import read_completion
from nyxqa.builders.vlm.openai.limits import Usage
from nyxqa.builders.vlm.openai.request import ChatReply
from nyxqa.builders.vlm.openai.transport import TransientError

MOST_TRIES = 3  # batches in which the server may fail at a request
# What may pass, and what is about the key, the account or the model rather than about one request.
_PASSING = frozenset({401, 402, 403, 404, 405, 408, 409, 424, 425, 429, 498})
_NOT_TRIED = frozenset({"batch_expired", "batch_cancelled", "batch_canceled"})
_TOGETHER = 500  # results that are stored in one transaction


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
            if len(found) >= _TOGETHER:
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
    """The results in a file; lines that are no JSON object are no results."""
    with path.open("rb") as file:
        for text in file:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value
