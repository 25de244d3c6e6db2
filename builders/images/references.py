"""Image references in a column of pages."""

from __future__ import annotations

import base64
import binascii
import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.images.errors import Reason
from nyxqa.schemas.credentials import without_credentials
from nyxqa.schemas.web.s3 import S3Folder, S3Object

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
MAX_URL = 8192  # characters; servers refuse longer URLs
_SHOWN = 120  # most characters of a reference in a detail


def images_of(parts: pa.ListArray) -> tuple[np.ndarray[Any, np.dtype[np.int64]], pa.Array]:
    """The images of all rows of a column of parts, in order, and the row of each: int64 [images], struct [images]."""
    images = pc.struct_field(pc.list_flatten(parts), "image")
    valid = pc.is_valid(images)
    rows = pc.list_parent_indices(parts).filter(valid)
    return rows.to_numpy(zero_copy_only=False).astype(np.int64), images.filter(valid)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of the source; ``name`` is its path inside it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class BucketFile:
    """A file of a source on S3; ``name`` is its path inside the source."""

    file: S3Object
    name: str


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute http or https URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes that the reference itself contains."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reference that is not followed."""

    reason: Reason
    detail: str


OnDisk = LocalFile | Url | Data | Rejected
Location = OnDisk | BucketFile


@overload
def locate(reference: str, page_path: str, root: Path, slash_is_root: bool) -> OnDisk: ...


@overload
def locate(reference: str, page_path: str, root: Path | S3Folder, slash_is_root: bool) -> Location: ...


def locate(reference: str, page_path: str, root: Path | S3Folder, slash_is_root: bool) -> Location:
    """What ``reference`` points to.

    :param page_path: Path of the page inside the source; relative references start at its folder.
    :param root: Folder of the source, which no reference may leave, neither by ``..`` nor by a link.
    :param slash_is_root: Whether ``/x`` means ``root/x``, as in HTML, and not the file system's root.
    """
    reference = reference.strip()
    shown = _shown(reference)
    if reference[:5].lower() == "data:":
        return _inline(reference)
    if (url := web_url(reference)) is not None:
        return url
    if not reference or "\0" in reference or _SCHEME.match(reference):
        return Rejected("bad_reference", f"neither a path nor an http or data URL: {shown!r}")
    folder = posixpath.dirname(page_path)
    # A path is read as a URL reference first and literally second, for names that contain %, ? or #.
    as_url = unquote(re.split(r"[?#]", reference, maxsplit=1)[0])
    rejected = Rejected("missing_file", shown)
    for path in dict.fromkeys((as_url, reference)):
        if not path or "\0" in path:
            continue
        inside = path.lstrip("/") if path.startswith("/") and slash_is_root else posixpath.join(folder, path)
        location = _file(root, inside, shown)
        if not isinstance(location, Rejected):
            return location
        if path == as_url:
            rejected = location
    return rejected


def web_url(reference: str) -> Url | Rejected | None:
    """``reference`` as an http or https URL without its fragment; None if it is something else."""
    reference = reference.strip().partition("#")[0]
    if reference.startswith("//"):
        reference = f"https:{reference}"
    if not reference[:8].lower().startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(reference)
        _ = parts.port
    except ValueError as error:
        return Rejected("bad_reference", f"{_shown(reference)!r}: {error}")
    if len(reference) > MAX_URL:
        return Rejected("bad_reference", f"{_shown(reference)!r}: {len(reference)} characters, at most {MAX_URL}")
    return Url(reference) if parts.hostname else Rejected("bad_reference", f"no host in {_shown(reference)!r}")


def _shown(reference: str) -> str:
    """The start of ``reference`` for a detail; its credentials are cut before its end is."""
    return without_credentials(reference)[:_SHOWN]


def _file(root: Path | S3Folder, inside: str, shown: str) -> LocalFile | BucketFile | Rejected:
    if isinstance(root, S3Folder):
        return _object(root, posixpath.normpath(inside), shown)
    try:
        base = os.path.realpath(root)
        path = Path(os.path.realpath(posixpath.join(base, inside)))
        if not path.is_relative_to(base):
            return Rejected("outside_source", shown)
        if not path.is_file():
            return Rejected("missing_file", shown)
    except (OSError, ValueError) as error:
        return Rejected("bad_reference", f"{shown!r}: {getattr(error, 'strerror', None) or 'no path'}")
    return LocalFile(path, posixpath.normpath(os.path.relpath(path, base)))


def _object(root: S3Folder, inside: str, shown: str) -> BucketFile | Rejected:
    if inside.startswith(("/", "../")) or inside in ("..", "."):
        return Rejected("outside_source", shown)
    found = root.file(inside)
    return Rejected("missing_file", shown) if found is None else BucketFile(found, inside)


def _inline(reference: str) -> Data | Rejected:
    head, comma, body = reference.partition(",")
    if not comma:
        return Rejected("bad_reference", f"a data URL without a comma: {head[:_SHOWN]!r}")
    if not head.lower().endswith(";base64"):
        return Data(unquote_to_bytes(body))
    packed = re.sub(r"\s", "", unquote(body)).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return Data(base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        return Rejected("bad_reference", f"{head[:_SHOWN]!r}: not base64: {error}")
