"""One reviewer at work: the queue, what has been said, and what is written down."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nyxqa.builders.browse.dataset import BrowsedDataset
from nyxqa.builders.browse.judging.queue import (
    QueuedRow,
    QueueOptions,
    answers,
    conflicts,
    make_queue,
    on_row,
    review_files,
)
from nyxqa.builders.report.agreement import agreement
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.verdicts import UNDO, VERDICTS, Key, Reviews, Verdict, VerdictWriter, read_verdicts, verdict_file

REASONS = {
    "q": "question unclear",
    "w": "answer wrong",
    "e": "needs no document",
    "d": "document does not answer",
    "t": "picture unreadable",
    "o": "other",
}
_NOTE = 2_000  # characters of a note


class ReviewSession:
    """What one reviewer has said and will be shown.

    :param dataset: The dataset.
    :param reviewer: Name of the reviewer and of the file.
    :raises WorldError: If the file cannot be written, or another session of the same name is open.
    """

    def __init__(self, dataset: BrowsedDataset, reviewer: str, options: QueueOptions) -> None:
        self.dataset = dataset
        self.reviewer = reviewer
        self._files = review_files(dataset)
        self._turn = threading.Lock()
        file = verdict_file(dataset.path, reviewer)
        self._writer = VerdictWriter(file)
        self._own: dict[Key, Verdict] = {}
        self._history: list[tuple[Key, Verdict | None]] = []
        for verdict in read_verdicts(file):
            self._replay(verdict)
        disagreed = [query for _, _, query in conflicts(self._files.read())]
        self.queue: list[QueuedRow] = make_queue(dataset.views, reviewer, options, disagreed)
        if not self.queue:
            raise UsageError("no row meets --split and --where, so there is nothing to review")
        self._place = {row.key: number for number, row in enumerate(self.queue)}

    def _replay(self, verdict: Verdict) -> None:
        """Take over a verdict of an earlier session."""
        if verdict.verdict == UNDO:
            self._own.pop(verdict.row, None)
            self._history = self._history[:-1]
            return
        self._history.append((verdict.row, self._own.get(verdict.row)))
        self._own[verdict.row] = verdict

    def close(self) -> None:
        """Release the file."""
        self._writer.close()

    def row(self, number: int) -> Mapping[str, Any]:
        """The triplet at a place of the queue."""
        split, _, query = self.queue[number].key
        row = self.dataset.row("triplets", split, query)
        if row is None:
            raise UsageError(f"triplet {query} is gone; start nyxqa review again")
        return row

    def own(self, key: Key) -> Verdict | None:
        """The reviewer's verdict on a row."""
        return self._own.get(key)

    def said(self) -> list[str]:
        """The reviewer's verdict on each row of the queue; "" where there is none yet."""
        return ["" if (one := self._own.get(row.key)) is None else one.verdict for row in self.queue]

    def others(self, key: Key) -> dict[str, Verdict]:
        """The verdicts of others on a row; nothing before the reviewer's own is given."""
        if key not in self._own:
            return {}
        return {who: one for who, one in on_row(self._files.read(), key).items() if who != self.reviewer}

    def open_conflicts(self) -> list[Key]:
        """Rows on which others contradict the reviewer."""
        return [key for key in conflicts(self._known()) if key in self._own]

    def agreement(self) -> dict[str, Any] | None:
        """How far reviewers agree on the rows that this one has judged."""
        return agreement(answers(self._known()))

    def _known(self) -> Reviews:
        """All verdicts on rows that the reviewer has judged."""
        reviews = {**self._files.read(), self.reviewer: self._own}
        return {who: {key: one for key, one in own.items() if key in self._own} for who, own in reviews.items()}

    def judge(self, given: Mapping[str, Any]) -> int:
        """Write down a verdict on the row at ``place`` of the queue; returns the place.

        :raises UsageError: If it is not a verdict on the row as it is.
        """
        with self._turn:
            number = given.get("place")
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(self.queue):
                raise UsageError("there is no such row in the queue")
            verdict = self._checked(self.queue[number], self.row(number), given)
            self._history.append((verdict.row, self._own.get(verdict.row)))
            self._own[verdict.row] = self._writer.add(verdict)
            return number

    def undo(self) -> int | None:
        """Take the last verdict back, by one more line; returns the place of its row, None where nothing is left."""
        with self._turn:
            if not self._history:
                return None
            key, before = self._history.pop()
            given = self._own.get(key)
            if given is None:
                return None
            if before is None:
                self._writer.add(replace(given, verdict=UNDO, reasons=(), relevant=(), note=""))
                del self._own[key]
            else:
                self._own[key] = self._writer.add(before)
            return self._place.get(key)

    def _checked(self, queued: QueuedRow, row: Mapping[str, Any], given: Mapping[str, Any]) -> Verdict:
        verdict, note, seen = (given.get(name, "") for name in ("verdict", "note", "seen"))
        reasons, relevant = _texts(given.get("reasons", [])), _texts(given.get("relevant", []))
        if verdict not in VERDICTS or verdict == UNDO:
            raise UsageError("a verdict is accept, reject or unsure")
        if not isinstance(note, str) or len(note) > _NOTE:
            raise UsageError(f"a note has at most {_NOTE} characters")
        if set(reasons) - set(REASONS.values()):
            raise UsageError("a reason is one of those that the page shows")
        if set(relevant) - set(row["negative_ids"]):
            raise UsageError("only negatives of the row can be marked")
        if seen != row["row_hash"]:
            raise UsageError("the row has changed; load the page again")
        split, dataset, query = queued.key
        return Verdict(query, dataset, split, verdict, reasons, relevant, note, seen, "", queued.drawn)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise UsageError("reasons and relevant are lists of texts")
    return tuple(value)
