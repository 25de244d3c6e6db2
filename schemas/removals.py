"""``removals.jsonl``: what may not be in a dataset any more, as hashes that do not tell what it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from nyxqa.schemas.credentials import without_credentials
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import write_bytes
from nyxqa.schemas.ids import canonical_url

FILE = "removals.jsonl"  # beside the published data; never pushed
Kind = Literal["page", "url", "host", "image", "text"]
PREFIX = 16  # characters of a text that are hashed by themselves, so that few places are compared as a whole

# A name of something: its kind and its value in the clear.
Name = tuple[Kind, str]


@dataclass(frozen=True, slots=True, order=True)
class Removal:
    """The hashed key of something that is kept out.

    :param kind: What ``key`` is of: the id or the row of a page, the URL of a page or image, a host, the id or the
        path of an image, or a text.
    :param key: SHA-256 over kind and value, 64 hexadecimal digits.
    :param page: For what is kept out of one page alone: the hashed key of its id; else "".
    :param length: Of a text: its number of characters.
    :param start: Of a text: 8 digits of a hash of its first characters; "" of one that has no more than these.
    """

    kind: str
    key: str
    page: str = ""
    length: int = 0
    start: str = ""

    @classmethod
    def of(cls, name: Name, page: str = "") -> Removal:
        """The removal of what ``name`` names.

        :param page: Id of the one page that it is removed from; "" for every page.
        """
        return cls(name[0], hashed(name), hashed(("page", page)) if page else "")

    @classmethod
    def of_text(cls, text: str, page: str) -> Removal:
        """The removal of a text from one page."""
        start = prefix_hash(text) if len(text) > PREFIX else ""
        return cls("text", hashed(("text", text)), hashed(("page", page)), len(text), start)


def hashed(name: Name) -> str:
    """SHA-256 over kind and value of a name."""
    return hashlib.sha256("\0".join(name).encode("utf-8", "surrogatepass")).hexdigest()


def prefix_hash(text: str) -> str:
    """8 digits of a hash of the first characters of ``text``."""
    return hashlib.sha256(text[:PREFIX].encode("utf-8", "surrogatepass")).hexdigest()[:8]


def url_names(url: str) -> Iterator[Name]:
    """Names of a page or image at ``url``: its address, its host and the domains that the host belongs to."""
    yield "url", plain_address(url)
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        return
    yield from host_names(host)


def host_names(host: str) -> Iterator[Name]:
    """Names of a host: itself and the domains that it belongs to."""
    labels = host.lower().rstrip(".").split(".")
    for first in range(len(labels)):
        yield "host", ".".join(labels[first:])


def plain_address(url: str) -> str:
    """``url`` without credentials in its canonical form; as given if it has none."""
    plain = without_credentials(url.strip())
    try:
        return canonical_url(plain)
    except ValueError:
        return plain


class Removals:
    """What is kept out of a dataset.

    :param entries: In any order, repeats allowed.
    """

    def __init__(self, entries: Iterable[Removal] = ()) -> None:
        self.entries = tuple(sorted(set(entries)))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __contains__(self, name: Name) -> bool:
        return hashed(name) in self._everywhere

    def any_of(self, names: Iterable[Name]) -> bool:
        """Whether one of ``names`` is kept out of every page."""
        return any(name in self for name in names)

    def of_page(self, page_id: str) -> PageRemovals:
        """What is kept out of one page alone."""
        return self._by_page.get(hashed(("page", page_id)), _NOTHING)

    @property
    def digest(self) -> str:
        """A hash over all entries, equal for equal removals."""
        return _digest(self.entries)

    @property
    def images_digest(self) -> str:
        """The same over those that name images by their bytes; "" without any."""
        of_images = [one for one in self.entries if one.kind == "image"]
        return _digest(of_images) if of_images else ""

    @cached_property
    def _everywhere(self) -> frozenset[str]:
        return frozenset(one.key for one in self.entries if not one.page)

    @cached_property
    def _by_page(self) -> dict[str, PageRemovals]:
        grouped: dict[str, list[Removal]] = {}
        for one in self.entries:
            if one.page:
                grouped.setdefault(one.page, []).append(one)
        return {page: PageRemovals(own) for page, own in grouped.items()}


class PageRemovals:
    """Texts and images that are kept out of one page."""

    def __init__(self, entries: Sequence[Removal]) -> None:
        self._keys = {one.key for one in entries if one.kind != "text"}
        self.texts: dict[str, list[Removal]] = {}  # by ``start``, the longest first
        for one in sorted(entries, key=lambda entry: -entry.length):
            if one.kind == "text":
                self.texts.setdefault(one.start, []).append(one)

        self.has_long = bool(self.texts.keys() - {""})

    def any_of(self, names: Iterable[Name]) -> bool:
        """Whether one of ``names`` is kept out of the page."""
        return any(hashed(name) in self._keys for name in names)


_NOTHING = PageRemovals(())


def _digest(entries: Iterable[Removal]) -> str:
    lines = json.dumps([list(asdict(one).values()) for one in entries])
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def read_removals(out: Path) -> Removals:
    """What is kept out of the dataset in ``out``; nothing without a file.

    :raises FormatError: If a line of the file cannot be read.
    """
    try:
        state = (out / FILE).stat()
    except FileNotFoundError:
        return Removals()
    return _read(out / FILE, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(file: Path, mtime: int, size: int) -> Removals:
    entries = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            value = json.loads(line)
            known = {name: value[name] for name in Removal.__slots__ if name in value}
            if known["kind"] not in get_args(Kind) or not isinstance(known["key"], str):
                raise ValueError("no kind and key of a removal")
            entries.append(Removal(**known))
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{file} line {number} is not a removal ({error}); restore the file, or what was removed comes back"
            ) from error
    return Removals(entries)


def add_removals(out: Path, added: Iterable[Removal], at: str) -> Removals:
    """Add removals to the file of ``out``, each once; returns all.

    :param at: Time of the request, as text.
    """
    earlier = read_removals(out)
    known = set(earlier.entries)
    fresh = [one for one in sorted(set(added)) if one not in known]
    if fresh:
        lines = [json.dumps({**_without_defaults(one), "at": at}) for one in fresh]
        before = (out / FILE).read_bytes() if (out / FILE).is_file() else b""
        if before and not before.endswith(b"\n"):
            before += b"\n"
        write_bytes(out / FILE, before + "".join(f"{line}\n" for line in lines).encode())
    return Removals([*earlier.entries, *fresh])


def _without_defaults(removal: Removal) -> dict[str, object]:
    return {name: value for name, value in asdict(removal).items() if value}
