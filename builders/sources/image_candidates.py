"""Where the picture of an image element can be read: the URLs that its attributes name, the best first."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

WIDEST = 2048  # pixels; of a srcset the largest candidate up to this width is the best
_DENSEST = 3.0  # the same in pixels of a screen for a pixel of the page
# Attributes in which scripts that load images late keep the address or the srcset, the largest picture first.
_LAZY = (
    "data-large-file",
    "data-full-src",
    "data-hi-res-src",
    "data-original",
    "data-original-src",
    "data-lazy-src",
    "data-lazy",
    "data-src",
    "data-actualsrc",
    "data-image-src",
    "data-img-src",
    "data-echo",
    "data-fallback-src",
    "lazy-src",
)
_ALL_LAZY = frozenset(_LAZY)
LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "data-src-set", "lazy-srcset")
_SUFFIX = r"\.(?:png|jpe?g|jfif|gif|webp|avif|bmp|tiff?)"
IMAGE_NAME = re.compile(rf"[^\s,]+{_SUFFIX}(?:[?#]\S*)?", re.IGNORECASE)
_IMAGE_SET = re.compile(rf"\S+{_SUFFIX}\S*\s+\d", re.IGNORECASE)
# A file that only holds the place of a picture has a name of such words and numbers alone.
_PLACEHOLDER_NAME = """
    blank spacer pixel placeholder transparent loading loader lazy lazyload clear dummy empty gray grey white trans
    noimage default image img bg load src s
"""
_PLACEHOLDER = frozenset(_PLACEHOLDER_NAME.split())
_NUMBER = re.compile(r"\d+(?:x\d+)?(?:px)?")
_NOWHERE = re.compile(r"(?:about|javascript|blob|chrome|moz-extension):|#", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_INLINE_TYPE = re.compile(r"data:image/(?!svg)", re.IGNORECASE)
_SHORTEST_INLINE = 1000  # characters of a data URL; shorter ones are one colour or blurred
_CONTROLS = "".join(map(chr, range(0x21)))

IsFile = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Sources:
    """Values of ``srcset`` of the sources of a ``<picture>``, those that scripts load late apart, the best first."""

    lazy: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()


NO_SOURCES = Sources()


def no_file(reference: str) -> bool:
    """Answer for a source without files of its own."""
    return False


def best_reference(attributes: Mapping[str, str], sources: Sources, base: str, is_file: IsFile) -> str:
    """Return the best of the references of an image; "" if it has none.

    One that is a file of the source wins over one that is not, as pages saved with their images name both.

    :param attributes: Attributes of the image.
    :param base: What relative references start at: the page's ``<base href>``, or "".
    :param is_file: Whether a reference relative to the page is a file of the source.
    """
    found = [resolve(reference, base) for reference in dict.fromkeys(_candidates(attributes, sources))]
    return next((reference for reference in found if is_file(reference)), found[0] if found else "")


def is_placeholder(reference: str) -> bool:
    """Whether a reference is not a picture, or for one that only holds the place of another."""
    if reference[:5].lower() == "data:":
        return not _INLINE_TYPE.match(reference) or len(reference) < _SHORTEST_INLINE
    if not reference or _NOWHERE.match(reference):
        return True
    name = re.split(r"[?#]", reference, maxsplit=1)[0].rpartition("/")[2].lower()
    *words, suffix = re.split(r"[._-]+", name)
    return (
        bool(words)
        and suffix != ""
        and all(word in _PLACEHOLDER or _NUMBER.fullmatch(word) for word in words)
        and (any(word in _PLACEHOLDER for word in words) or words == ["1x1"])
    )


def _candidates(attributes: Mapping[str, str], sources: Sources) -> Iterator[str]:
    """Yield references from the best to the last resort."""
    for srcset in (*(attributes[name] for name in LAZY_SETS if name in attributes), *sources.lazy):
        yield from (reference for reference in srcset_references(srcset) if not is_placeholder(reference))
    for name in () if _ALL_LAZY.isdisjoint(attributes) else _LAZY:
        value = cleaned(attributes.get(name, ""))
        if _IMAGE_SET.match(value):
            yield from srcset_references(value)
        elif not is_placeholder(value) and not value.startswith(("{", "[")):
            yield value
    for srcset in (*sources.plain, attributes.get("srcset", "")):
        yield from (reference for reference in srcset_references(srcset) if not is_placeholder(reference))
    source = cleaned(attributes.get("src", ""))
    if not is_placeholder(source):
        yield source
        return
    for name, value in attributes.items():  # scripts have names of their own
        if name.startswith("data-") and name not in _LAZY:
            if _IMAGE_SET.match(value.strip()):
                yield from srcset_references(value)
            elif IMAGE_NAME.fullmatch(value.strip()) and not is_placeholder(cleaned(value)):
                yield cleaned(value)
    if source and not _NOWHERE.match(source):
        yield source


def srcset_references(value: str) -> list[str]:
    """Return the references of a ``srcset``: the largest sensible one first, then smaller ones, then larger ones."""
    found: list[tuple[float, str]] = []
    at, length = 0, len(value)
    while at < length:
        while at < length and (value[at].isspace() or value[at] == ","):
            at += 1
        end = at
        while end < length and not value[end].isspace():
            end += 1
        reference, at = value[at:end], end
        descriptor = ""
        if reference.endswith(","):
            reference = reference.rstrip(",")
        else:
            end = value.find(",", at)
            end = length if end < 0 else end
            descriptor, at = value[at:end], end
        if reference:
            found.append((_size(descriptor), cleaned(reference)))
    sensible = sorted((size for size in found if size[0] <= 1), key=lambda size: -size[0])
    return [reference for _, reference in (*sensible, *sorted(size for size in found if size[0] > 1))]


def _size(descriptor: str) -> float:
    """Width or density relative to the largest sensible one."""
    size = 1.0 / _DENSEST
    for word in descriptor.split():
        number, unit = word[:-1], word[-1].lower()
        if unit in "wx" and number.replace(".", "", 1).isdecimal():
            size = float(number[:12]) / (WIDEST if unit == "w" else _DENSEST)
            if unit == "w":
                break
    return size


def cleaned(reference: str) -> str:
    """Return a reference as the URL standard reads it: without line ends and tabs, with slashes for backslashes."""
    reference = reference.strip(_CONTROLS)
    if reference[:5].lower() == "data:":
        return reference
    reference = reference.replace("\n", "").replace("\r", "").replace("\t", "")
    scheme = _SCHEME.match(reference)
    if "\\" not in reference or (scheme and scheme.group().lower() not in ("http:", "https:", "file:")):
        return reference
    path = re.split(r"[?#]", reference, maxsplit=1)[0]
    return path.replace("\\", "/") + reference[len(path) :]


def resolve(reference: str, base: str) -> str:
    """Return a reference relative to the page or absolute.

    :param base: What it is relative to, cleaned: a URL, or a path relative to the page or to the root; "" for the page.
    """
    if not base or not reference or reference.startswith("//") or _SCHEME.match(reference):
        return reference
    if _SCHEME.match(base):
        return urljoin(base, reference)
    if reference.startswith("/"):
        return reference
    return posixpath.join(posixpath.dirname(re.split(r"[?#]", base, maxsplit=1)[0]), reference)


def base_of(href: str) -> str:
    """Return the base that the ``href`` of a ``<base>`` makes, for ``resolve``; "" if it makes none."""
    base = cleaned(href)
    if base.startswith("//"):
        base = f"https:{base}"
    if not _SCHEME.match(base):
        return base
    try:
        return base if urlsplit(base).hostname and base[:4].lower() == "http" else ""
    except ValueError:
        return ""
