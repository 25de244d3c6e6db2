"""Ids: lower-case hex of SHA-256 over canonical, length-prefixed bytes."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

ID_FORMAT = 1
_DIGITS = 32
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _digest(fields: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for field in fields:
        data = field.encode("utf-8")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _with_list(first: Iterable[str], items: Iterable[str]) -> Iterable[str]:
    listed = list(items)
    return [*first, str(len(listed)), *listed]


def image_id(data: bytes) -> str:
    """SHA-256 of the stored image bytes, all 64 digits."""
    return hashlib.sha256(data).hexdigest()


def doc_id(text: str, image_ids: Iterable[str]) -> str:
    """First 32 digits over (format, NFC text, image ids)."""
    return _digest(_with_list(["document", str(ID_FORMAT), unicodedata.normalize("NFC", text)], image_ids))[:_DIGITS]


def page_id_of_url(url: str) -> str:
    """First 32 digits over the canonical form of ``url``."""
    return _digest(["page", "url", canonical_url(url)])[:_DIGITS]


def page_id_of_path(path: str, row: int | None = None) -> str:
    """First 32 digits over the path relative to its source and, in a file of many rows, the row number from 0."""
    return _digest(["page", "path", path, "" if row is None else str(row)])[:_DIGITS]


def page_id_of_passage(pool: str, external_id: str) -> str:
    """First 32 digits over (pool, external id): the page of a passage."""
    return _digest(["page", "passage", pool, external_id])[:_DIGITS]


def qa_id(question: str, image_ids: Iterable[str], answer: str, document: str) -> str:
    """First 32 digits over (question, image ids, answer, doc_id); also the web triplet's ``query_id``."""
    return _digest(_with_list(["qa", question, answer, document], image_ids))[:_DIGITS]


def query_id(dataset: str, own_id: str | int) -> str:
    """First 32 digits over (dataset, the set's own id, else its row number)."""
    return _digest(["query", dataset, "row" if isinstance(own_id, int) else "id", str(own_id)])[:_DIGITS]


def row_hash(query: str, positive: str, negatives: Iterable[str]) -> str:
    """First 32 digits over (query_id, positive_id, negative_ids): the row that a human verdict is about."""
    return _digest(_with_list(["row", query, positive], negatives))[:_DIGITS]


def canonical_url(url: str) -> str:
    """``url`` with scheme and host in lower case, default port and fragment removed.

    :raises ValueError: If ``url`` has no scheme, no host, or a port that is not a number.
    """
    parts = urlsplit(url.strip())
    if not parts.scheme or not parts.hostname:
        raise ValueError(f"not an absolute URL: {url!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.port is not None and parts.port != _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{parts.port}"
    login = parts.netloc.rpartition("@")[0]
    netloc = f"{login}@{host}" if login else host
    return urlunsplit((parts.scheme.lower(), netloc, parts.path, parts.query, ""))


def short_hash(text: str) -> str:
    """First 12 digits of the SHA-256 of ``text``: names a prompt or a fingerprint in a table or a path."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
