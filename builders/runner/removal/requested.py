"""What a take-down names: flags and lists as names of pages, hosts and images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nyxqa.schemas.errors import UsageError, WorldError
from nyxqa.schemas.removals import Name, host_names, plain_address

KINDS = ("url", "page", "image", "host")
_IMAGE_ID = re.compile(r"[0-9a-f]{64}\Z")
_PAGE_ID = re.compile(r"[0-9a-f]{32}\Z")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?\Z")


@dataclass(frozen=True)
class Request:
    """One thing to be removed.

    :param given: As the user wrote it, for messages.
    :param names: What it may be a name of; it matches if one of them does.
    :param listed: Whether it comes from a list, whose lines need not be in the dataset.
    """

    given: str
    names: tuple[Name, ...]
    listed: bool = False


def requests_of(
    urls: Sequence[str], pages: Sequence[str], images: Sequence[str], hosts: Sequence[str], files: Sequence[Path]
) -> list[Request]:
    """What flags and lists ask to remove, each once.

    :raises UsageError: If a value cannot be a name of its kind, or nothing is named.
    :raises WorldError: If a list cannot be read.
    """
    given = zip(KINDS, (urls, pages, images, hosts), strict=True)
    found = [_request(kind, value, f"--{kind} {value}") for kind, values in given for value in values]
    found += [request for file in files for request in _listed(file)]
    if not found:
        raise UsageError("nothing to remove: give --url, --page, --image, --host or --file LIST")
    return list({request.names: request for request in found}.values())


def _listed(file: Path) -> Iterator[Request]:
    """The requests of a list: one name a line, with its kind before it where that is not plain."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "is not UTF-8"
        hint = "; a page of the source is named by --page" if isinstance(error, FileNotFoundError) else ""
        raise WorldError(f"--file {file} cannot be read: {problem}{hint}") from error
    for number, line in enumerate(lines, start=1):
        value = line.strip()
        if not value or value.startswith("#"):
            continue
        kind, _, rest = value.partition(" ")
        kind = kind.rstrip(":")
        where = f"{file} line {number}"
        if kind in KINDS and rest.strip():
            yield _request(kind, rest.strip(), where, listed=True)
        else:
            yield Request(where, tuple(_any_kind(value)), listed=True)


def _request(kind: str, value: str, given: str, listed: bool = False) -> Request:
    value = value.strip()
    if not value:
        raise UsageError(f"{given}: the name is empty")
    if kind == "url":
        if "://" not in value:
            raise UsageError(f"{given}: a URL begins with http:// or https://")
        return Request(given, (("url", plain_address(value)),), listed)
    if kind == "host":
        if not _HOST.match(value.lower()):
            raise UsageError(f"{given}: a host is a name such as example.org, without scheme, port and path")
        return Request(given, (next(iter(host_names(value))),), listed)
    if "://" in value:
        return Request(given, (("url", plain_address(value)),), listed)
    return Request(given, (("page" if kind == "page" else "image", value),), listed)


def _any_kind(value: str) -> Iterable[Name]:
    if "://" in value:
        yield "url", plain_address(value)
    elif _IMAGE_ID.match(value):
        yield "image", value
    elif _PAGE_ID.match(value):
        yield "page", value
    else:
        yield from (("page", value), ("image", value))
        if "." in value and "/" not in value and _HOST.match(value.lower()):
            yield next(iter(host_names(value)))
