"""The files of requests that are uploaded: JSON lines, as many and as long as a batch API takes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nyxqa.builders.vlm.openai.batch.records import Batch, BatchRecords, Line
from nyxqa.schemas.errors import WorldError

_TOGETHER = 500  # lines that are recorded in one transaction


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
