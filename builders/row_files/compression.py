"""Row files, plain or compressed with gzip or Zstandard, and their lines up to a maximum length."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, AnyStr, Literal, Protocol, cast

SUFFIXES = (".gz", ".zst")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# What reading a damaged or truncated file raises.
DAMAGED = (OSError, EOFError, zlib.error)

MAX_LINE = 128_000_000  # bytes, or characters of text; embedded images make a row longer than its text
# What opening or reading a truncated, misnamed or unreadable file raises.
READ_ERRORS = (*DAMAGED, csv.Error, UnicodeDecodeError)


class Openable(Protocol):
    """A file that is opened for reading bytes, such as a path."""

    @property
    def suffix(self) -> str:
        """The suffix of its name."""

    def open(self, mode: Literal["rb"], buffering: int = -1, /) -> IO[bytes]:
        """Open it."""


class TooLargeError(ValueError):
    """Data that holds more bytes than are taken."""


def uncompressed_name(name: str) -> str:
    """``name`` in lower case, without the suffix of a compressed file."""
    lower = name.lower()
    return next((lower.removesuffix(suffix) for suffix in SUFFIXES if lower.endswith(suffix)), lower)


def open_compressed(file: Openable) -> IO[bytes]:
    """Open a file for reading what it holds, whether it is compressed or not.

    :raises OSError: If it cannot be opened.
    """
    with file.open("rb", 0) as opened:
        start = opened.read(len(_ZSTD))
    suffix = file.suffix.lower()
    if start.startswith(_GZIP) or (suffix == ".gz" and not start.startswith(_ZSTD)):
        return cast(IO[bytes], gzip.open(file if isinstance(file, Path) else file.open("rb"), "rb"))
    if start.startswith(_ZSTD) or suffix == ".zst":
        return io.BufferedReader(_ZstdReader(lambda: file.open("rb")), io.DEFAULT_BUFFER_SIZE * 8)
    return file.open("rb")


def decompressed(data: bytes, most: int) -> bytes:
    """What ``data`` holds if it is compressed, else ``data``.

    :param most: Most bytes that are taken.
    :raises TooLargeError: If it holds more.
    :raises OSError: If it is damaged or truncated.
    """
    if data.startswith(_GZIP):
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=io.BytesIO(data)))
    elif data.startswith(_ZSTD):
        stream = io.BufferedReader(_ZstdReader(lambda: io.BytesIO(data)))
    else:
        return data
    try:
        with stream:
            plain = stream.read(most + 1)
    except DAMAGED as error:
        raise OSError(f"compressed, and damaged: {error}") from error
    if len(plain) > most:
        raise TooLargeError(f"more than {most} bytes, decompressed")
    return plain


class _ZstdReader(io.RawIOBase):
    """The content of Zstandard frames, read from the start; it can go back there, as readers do that look ahead.

    :param opened: Opens the compressed bytes.
    """

    def __init__(self, opened: Callable[[], IO[bytes]]) -> None:
        self._opened = opened
        self._at = 0
        self._open()

    def _open(self) -> None:
        import pyarrow as pa

        self._file = self._opened()
        self._stream = pa.CompressedInputStream(pa.PythonFile(self._file, "r"), "zstd")

    def readable(self) -> bool:
        """Whether bytes can be read."""
        return True

    def seekable(self) -> bool:
        """Whether the reader can go back."""
        return True

    def tell(self) -> int:
        """Number of bytes read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go back to the start.

        :raises io.UnsupportedOperation: If another place is asked for.
        """
        if (offset, whence) not in ((0, io.SEEK_SET), (self._at, io.SEEK_SET), (0, io.SEEK_CUR)):
            raise io.UnsupportedOperation("compressed files are read from their start")
        if offset == 0 and whence == io.SEEK_SET and self._at:
            self._file.close()
            self._open()
            self._at = 0
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Read the next bytes."""
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


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
