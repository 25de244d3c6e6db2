"""Objects of S3: their addresses, listing them, and reading each as it was listed."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.web.s3_client import client, library, s3_errors

if TYPE_CHECKING:
    from obstore.store import S3Store

S3 = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]\Z")
_READ_AHEAD = 8 << 20  # bytes asked for at a time where an object is read from its start


def is_s3(text: object) -> bool:
    """Whether ``text`` starts like an address of S3."""
    return str(text)[: len(S3)].lower() == S3 or str(text).lower().startswith("s3:/")


@dataclass(frozen=True, slots=True)
class Address:
    """``s3://BUCKET/KEY``; the key is that of an object or a prefix, without a slash at its ends, or empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that ``text`` spells.

        :raises UsageError: If it has another form.
        """
        bucket, _, key = text[len(S3) :].partition("/")
        if not text.startswith(S3) or not _BUCKET.match(bucket):
            raise UsageError(f"{text!r} is not s3://BUCKET/KEY")
        key = key.removesuffix("/")
        if key and any(part in ("", ".", "..") for part in key.split("/")):
            raise UsageError(f"{text}: the key has an empty or dotted part")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{S3}{self.bucket}/{self.key}"

    def below(self, name: str) -> Address:
        """The address of ``name`` below this prefix."""
        return Address(self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def parent(self) -> Address:
        """The prefix that holds this object."""
        return Address(self.bucket, posixpath.dirname(self.key))

    @property
    def store(self) -> S3Store:
        """The client for its bucket.

        :raises NyxqaError: If there are no credentials, or no client.
        """
        return client(self.bucket)


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object as it was listed; reading another version of it is an error.

    :param size: In bytes.
    :param e_tag: The server's name for these bytes.
    """

    address: Address
    size: int
    e_tag: str

    @property
    def name(self) -> str:
        """The last part of its key."""
        return posixpath.basename(self.address.key)

    @property
    def suffix(self) -> str:
        """The suffix of its name."""
        return PurePosixPath(self.name).suffix

    def open(self, mode: Literal["rb"], buffering: int = -1, /) -> IO[bytes]:
        """Open it for reading; nothing is asked for before the first byte is.

        :param buffering: 0 for a request for each read; else it is read ahead.
        """
        raw = _Ranges(self)
        return cast(IO[bytes], raw if buffering == 0 else io.BufferedReader(raw, _READ_AHEAD))

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """Its bytes from ``start`` to before ``end``.

        :raises WorldError: If it cannot be read, or is no longer as it was listed.
        """
        last = self.size if end is None else min(end, self.size)
        if start >= last:
            return b""
        options: Any = {"if_match": self.e_tag, "range": (start, last)}
        with s3_errors(str(self.address)):
            return bytes(library().get(self.address.store, self.address.key, options=options).bytes())


class _Ranges(io.RawIOBase):
    """The bytes of an object, each read a request for a range."""

    def __init__(self, of: S3Object) -> None:
        self._of, self._at = of, 0

    def readable(self) -> bool:
        """Whether bytes can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read from any place."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._of.size}[whence]
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Read the next bytes."""
        data = self._of.read(self._at, self._at + len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def found(address: Address) -> S3Object | None:
    """The object at an address; None if there is none.

    :raises WorldError: If S3 refuses or does not answer.
    """
    if not address.key:
        return None
    with s3_errors(str(address)):
        try:
            return _object(address.bucket, library().head(address.store, address.key))
        except FileNotFoundError:
            return None


def listed(prefix: Address) -> Iterator[S3Object]:
    """The objects below a prefix, in no order.

    :raises WorldError: If there is no such bucket, or S3 refuses or does not answer.
    """
    with s3_errors(str(prefix)):
        for page in library().list(prefix.store, prefix=prefix.key or None):
            yield from (_object(prefix.bucket, entry) for entry in page)


def _object(bucket: str, entry: Any) -> S3Object:
    return S3Object(Address(bucket, entry["path"]), int(entry["size"]), str(entry["e_tag"] or ""))


@dataclass(frozen=True, slots=True)
class S3Folder:
    """What a source's folder is where the source lies on S3."""

    address: Address

    def file(self, inside: str) -> S3Object | None:
        """The object at a normal path; None if there is none."""
        return found(self.address.below(inside))
