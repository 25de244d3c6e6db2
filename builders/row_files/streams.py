"""Opening row files, plain or compressed, and reading their lines up to a maximum length."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, AnyStr

from nyxqa.builders.row_files.compression import DAMAGED, open_compressed

MAX_LINE = 128_000_000  # bytes, or characters of text; embedded images make a row longer than its text
# What opening or reading a truncated, misnamed or unreadable file raises.
READ_ERRORS = (*DAMAGED, csv.Error, UnicodeDecodeError)


def open_text(path: Path) -> IO[str]:
    """Open ``path`` as UTF-8 text without its byte order mark; line ends are left as they are."""
    return io.TextIOWrapper(open_compressed(path), encoding="utf-8-sig", newline="")


def numbered_lines(stream: IO[AnyStr], longest: int = MAX_LINE) -> Iterator[tuple[int, AnyStr | None, int]]:
    """Yield number, content and length of each line that is not blank.

    Numbers count from 0 and include blank lines. Content includes the line end; it is None for a line longer than
    ``longest``, which is skipped without being held in memory. Length is in units of the stream: bytes or characters.
    """
    number = 0
    while line := stream.readline(longest + 1):
        length = len(line)
        if length <= longest or _ends(line):
            if line.strip():
                yield number, line, length
        else:
            while not _ends(line) and (line := stream.readline(longest)):
                length += len(line)
            yield number, None, length
        number += 1


def _ends(line: str | bytes) -> bool:
    return line.endswith("\n") if isinstance(line, str) else line.endswith(b"\n")
