"""Credentials in URLs: what is cut before a URL is published or shown."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

# Behind an address that was cut, so that nobody takes it for one at which the image is still to be had. An image's
# address has no fragment of its own: it is removed before the image is fetched.
MARK = "#credentials-removed"

_NAMES = frozenset({"signature", "sig", "token", "accesstoken", "apikey"})
_PREFIXES = ("x-amz-", "x-goog-")
# A short value of ``key`` is a page's own parameter, not a secret.
_KEY = re.compile(r"[A-Za-z0-9_-]{20,}={0,2}\Z")
_USER = re.compile(r"((?:^|:)//)[^/?#\\\s]+@")
_PAIR_ENDS = re.compile(r"([&;])")
# A URL in a sentence ends at white space, a quote or an angle bracket.
_IN_TEXT = re.compile(r"[A-Za-z0-9+.-]{0,20}://[^\s'\"<>`]+")
_DEPTH = 3  # URLs within URLs that are looked into; the value that holds a deeper one is cut whole


def without_credentials(url: str, _depth: int = 0) -> str:
    """``url`` without user information and without the parameters that grant access; the rest is kept as written.

    Parameters are cut from query and fragment, and from a URL that is the value of a parameter.

    :param url: An absolute or relative URL; a ``data:`` URL is returned unchanged.
    """
    if url[:5].lower() == "data:":
        return url
    rest, hash_sign, fragment = url.partition("#")
    address, question_mark, query = rest.partition("?")
    kept = _pairs(query, _depth)
    left = _pairs(fragment, _depth) if "=" in fragment else fragment
    cut = _USER.sub(r"\1", address) + (question_mark + kept if kept or not query else "")
    return cut + (hash_sign + left if left or not fragment else "")


def marked_address(url: str) -> str:
    """``url`` without credentials; with ``MARK`` behind it if something was cut, as it leads nowhere then."""
    cut = without_credentials(url)
    return url if cut == url else cut.partition("#")[0] + MARK


def redacted(text: str) -> str:
    """``text`` with the credentials cut from every URL in it."""
    return _IN_TEXT.sub(lambda found: without_credentials(found[0]), text) if "://" in text else text


def _pairs(query: str, depth: int) -> str:
    """The pairs of a query that are not credentials, with the separators before them."""
    pieces = _PAIR_ENDS.split(query)
    kept = []
    for place in range(0, len(pieces), 2):
        name, equals, value = pieces[place].partition("=")
        if not _is_credential(unquote(name), unquote(value)):
            kept.append((pieces[place - 1] if place else "", name + equals + _value(value, depth)))
    return "".join(separator + pair if number else pair for number, (separator, pair) in enumerate(kept))


def _is_credential(name: str, value: str) -> bool:
    name = name.strip().lower()
    if name.startswith(_PREFIXES):
        return True
    plain = name.replace("_", "").replace("-", "")
    return plain in _NAMES or (plain == "key" and _KEY.match(value) is not None)


def _value(value: str, depth: int) -> str:
    """The value of a pair; a URL in it is cut, too."""
    plain = unquote(value)
    if "//" not in plain:
        return value
    cut = without_credentials(plain, depth + 1) if depth < _DEPTH else ""
    return value if cut == plain else cut if plain == value else quote(cut, safe="")
