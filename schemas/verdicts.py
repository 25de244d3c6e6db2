"""Human verdicts on rows: a file of JSON lines for each reviewer, to which lines are only added."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nyxqa.schemas.errors import FormatError, UsageError, WorldError
from nyxqa.schemas.tables import QA_SPLITS

FOLDER = "review"  # beside the published data
ACCEPT, REJECT, UNSURE, UNDO = "accept", "reject", "unsure", "undo"
VERDICTS = (ACCEPT, REJECT, UNSURE, UNDO)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_LINE_BYTES = 1 << 20  # a longer line is not a verdict


@dataclass(frozen=True)
class Verdict:
    """What one reviewer says about one row.

    :param verdict: ``accept``, ``reject``, ``unsure``, or ``undo``: none any more.
    :param reasons: Why it is rejected, in words of the review app.
    :param relevant: Ids of negatives that answer the query as well.
    :param note: Free text of the reviewer.
    :param seen: ``row_hash`` of the row as the reviewer saw it.
    :param at: When, in UTC; a later verdict on the same row replaces an earlier one.
    :param drawn: Whether the row was drawn by chance, so that it counts in estimates.
    """

    query_id: str
    dataset: str
    split: str
    verdict: str
    reasons: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()
    note: str = ""
    seen: str = ""
    at: str = ""
    drawn: bool = True

    @property
    def row(self) -> tuple[str, str, str]:
        """The row that it is about: (split, dataset, query_id)."""
        return self.split, self.dataset, self.query_id

    def deciding(self) -> list[Any]:
        """What determines the published data: all but note and time."""
        reasons, relevant = sorted(set(self.reasons)), sorted(set(self.relevant))
        return [self.split, self.dataset, self.query_id, self.verdict, reasons, relevant, self.seen, self.drawn]


Key = tuple[str, str, str]
Reviews = dict[str, dict[Key, Verdict]]


def reviewer_name(name: str) -> str:
    """``name`` if it can name a reviewer's file.

    :raises UsageError: If it cannot.
    """
    if not _NAME.match(name):
        raise UsageError(f"--as {name!r}: a reviewer is named by up to 64 letters, digits, '_', '-' and '.'")
    return name


def verdict_file(out: Path, reviewer: str) -> Path:
    """The file of one reviewer of the dataset in ``out``."""
    return out / FOLDER / f"{reviewer_name(reviewer)}.jsonl"


def verdict_files(out: Path, patterns: Iterable[str]) -> list[Path]:
    """Files that match ``patterns``, sorted, each once; relative ones are sought from ``out``."""
    found: set[Path] = set()
    for pattern in patterns:
        base, relative = (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (out, pattern)
        found.update(file for file in base.glob(relative) if file.is_file() and not file.name.startswith("."))
    return sorted(found)


def read_reviews(files: Sequence[Path]) -> Reviews:
    """The last verdict on each row by reviewer, who is named by the file's stem; what was undone is left out.

    :raises FormatError: If a line is not a verdict, naming file and line.
    """
    lines: dict[str, list[tuple[datetime, int, Verdict]]] = {}
    for file in files:
        own = lines.setdefault(file.stem, [])
        own += [(_time(verdict.at), len(own) + number, verdict) for number, verdict in enumerate(read_verdicts(file))]
    reviews: Reviews = {}
    for reviewer in sorted(lines):
        last = {verdict.row: verdict for *_, verdict in sorted(lines[reviewer], key=lambda line: line[:2])}
        reviews[reviewer] = {row: verdict for row, verdict in sorted(last.items()) if verdict.verdict != UNDO}
    return reviews


def read_verdicts(file: Path) -> Iterator[Verdict]:
    """All lines of one file in their order; a last line that a killed process did not finish is left out.

    :raises FormatError: If a line is not a verdict, naming file and line.
    """
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    try:
                        verdict = _parsed(line)
                    except ValueError as error:
                        if not line.endswith(b"\n"):
                            return
                        where = f"{file.parent.name}/{file.name} line {number}"
                        raise FormatError(f"{where} is not a verdict: {error}; mend or remove the line") from error
                    yield verdict
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror}") from error


def _parsed(line: bytes) -> Verdict:
    """The verdict in one line.

    :raises ValueError: Saying what is wrong.
    """
    if len(line) > _LINE_BYTES:
        raise ValueError(f"it has {len(line)} bytes")
    try:
        value = json.loads(line)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    texts = {name: _text(value, name) for name in ("query_id", "dataset", "split", "verdict", "seen")}
    if texts["verdict"] not in VERDICTS:
        raise ValueError(f"verdict is {texts['verdict'][:40]!r}, not one of {', '.join(VERDICTS)}")
    if texts["split"] not in QA_SPLITS:
        raise ValueError(f"split is {texts['split'][:40]!r}, not one of {', '.join(QA_SPLITS)}")
    reasons, relevant = _texts(value, "reasons"), _texts(value, "relevant")
    _time(at := _text(value, "at", ""))
    drawn = value.get("drawn", True)
    if not isinstance(drawn, bool):
        raise ValueError("drawn is not true or false")
    return Verdict(**texts, reasons=reasons, relevant=relevant, note=_text(value, "note", ""), at=at, drawn=drawn)


def _time(text: str) -> datetime:
    """A time with its zone, UTC by default; the earliest for "".

    :raises ValueError: If it is none.
    """
    try:
        time = datetime.fromisoformat(text) if text else datetime.min
    except ValueError as error:
        raise ValueError(f"at is {text[:40]!r}, no time as 2026-01-31T12:00:00+00:00") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _text(value: dict[str, Any], name: str, default: str | None = None) -> str:
    text = value.get(name, default)
    if not isinstance(text, str):
        raise ValueError(f"{name} is missing" if text is None else f"{name} is not a text")
    return text


def _texts(value: dict[str, Any], name: str) -> tuple[str, ...]:
    texts = value.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(texts)


class VerdictWriter:
    """Adds verdicts to one reviewer's file; each is on disk when ``add`` returns.

    An unfinished last line, which a killed process left, is removed first. The file is locked until it is closed.

    :param file: The file; it and its folder are made if they do not exist.
    :raises WorldError: If it cannot be written, or another process writes to it.
    :raises FormatError: If a line is not a verdict.
    """

    def __init__(self, file: Path) -> None:
        self._stream: BufferedRandom = _opened(file)
        try:
            self._last = max((_time(verdict.at) for verdict in read_verdicts(file)), default=_time(""))
            _finish_last_line(self._stream)
        except BaseException:
            self._stream.close()
            raise

    def close(self) -> None:
        """Close and release the file."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, verdict: Verdict) -> Verdict:
        """Write one verdict with the present time, later than any before it in the file; returns it."""
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        stamped = replace(verdict, at=self._last.isoformat(timespec="microseconds"))
        self._stream.write(json.dumps(asdict(stamped), ensure_ascii=False).encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        return stamped


def _opened(file: Path) -> BufferedRandom:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        stream = file.open("r+b")
    except OSError as error:
        raise WorldError(f"{file} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        raise WorldError(f"{file.name} is open in another nyxqa review; close that, or give another --as") from error
    return stream


def _finish_last_line(stream: BufferedRandom) -> None:
    """End the last line, or remove it where it is not a verdict; then go to the end."""
    data = stream.read()
    tail = data[data.rfind(b"\n") + 1 :]
    if tail:
        try:
            _parsed(tail)
            stream.write(b"\n")
        except ValueError:
            stream.truncate(len(data) - len(tail))
    stream.seek(0, os.SEEK_END)
