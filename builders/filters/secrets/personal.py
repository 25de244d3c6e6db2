"""E-mail addresses, phone numbers, and names and addresses of internal hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[str, int, int]  # kind, start, end

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@"
    r"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24})\b(?!:[A-Za-z0-9/~]|\()"
)
# Reserved for examples, or hosts of lists that anybody may write to.
_NO_PERSON = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|localdomain|(?:lists|bugs)\.[a-z0-9.-]+"
    r"|packages\.debian\.org|groups\.io|googlegroups\.com|dom\.ain)$"
)
_PLACEHOLDER = re.compile(
    r"(?i)(?:bugs?-|bugs?@|[a-z0-9.-]+-(?:devel|dev|users?|list|core|announce|bugs?)@"
    r"|(?:no-?reply|do-?not-?reply|git|hg|svn|you|your\.?name|user|username|name|foo|bar)@)"
)
_WITH_COUNTRY = re.compile(r"(?<![^\s(:,;>\"'|])\+[1-9]\d{0,2}[ .\-/(]{0,2}\d[\d ().\-/]{4,18}\d(?!\d)")
_CALLED = re.compile(
    r"(?i)(?<![.\w-])(?:(?:tele)?phone|tel|mobile|cell|fax|call(?: (?:me|us))?(?: at| on)?|whatsapp|telefon)"
    r"(?: number| no)?\.?\s{0,2}:?\s{0,2}(\(?\+?\d[\d ().\-/]{6,20}\d)(?![\d.])"
)
_FORMED = re.compile(r"(?<![\d.\-])(?:\(\d{3}\) ?|[2-9]\d{2}-)[2-9]\d{2}-\d{4}(?![\d.\-])")
_PRIVATE = re.compile(r"(?<![\d.])(?:10\.\d{1,3}|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.\d{1,3}\.\d{1,3}(?![\d.]*\d|/\d)")
_EXAMPLE_NETWORKS = ("192.168.0.", "192.168.1.", "10.0.0.", "10.1.1.", "10.1.2.", "10.0.1.", "172.16.0.", "172.17.0.")
_INTERNAL = re.compile(
    r"(?<![A-Za-z0-9_@./-])(?:https?://|ssh://|[a-z]+://)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}"
    r"(?:internal|intranet|intra|corp|lan|local|private|home\.arpa))(?![A-Za-z0-9_(-]|\.[A-Za-z0-9])"
)
_INTERNAL_END = re.compile(r"\.(?:internal|intranet|intra|corp|lan|local|private|home\.arpa)(?![A-Za-z0-9_])")
_CODE = {"com", "org", "net", "sun", "jdk", "java", "javax", "self", "this", "threading", "os", "std", "usr", "etc"}
_NUMBERED = re.compile(r"(?i)(?:chapters?|sections?|versions?|releases?|\u00a7|\bv)\s*\Z")
_BEFORE = 40  # characters that are looked at before an address
_HIGHEST = 255


def personal_spans(text: str) -> Iterator[Span]:
    """Where personal data and internal places occur in ``text``."""
    if "@" in text:
        yield from _emails(text)
    yield from _phones(text)
    yield from _addresses(text)
    if _INTERNAL_END.search(text):
        yield from _hosts(text)


def _emails(text: str) -> Iterator[Span]:
    for found in _EMAIL.finditer(text):
        project = found[0].partition("@")[0].lower() == found[1].lower().split(".")[-2]
        if not project and not _NO_PERSON.search(found[1].lower()) and not _PLACEHOLDER.match(found[0]):
            yield "email_address", found.start(), found.end()


def _addresses(text: str) -> Iterator[Span]:
    for found in _PRIVATE.finditer(text):
        numbers = found[0].split(".")
        if found[0].startswith(_EXAMPLE_NETWORKS) or numbers[3] in ("0", "255"):
            continue
        line = text[max(0, found.start() - _BEFORE) : found.start()].rpartition("\n")[2]
        heading = (not line.strip() and text.startswith(". ", found.end())) or _NUMBERED.search(line)
        if not heading and all(int(part) <= _HIGHEST for part in numbers):
            yield "internal_address", found.start(), found.end()


def _phones(text: str) -> Iterator[Span]:
    if "+" in text:
        for found in _WITH_COUNTRY.finditer(text):
            if _is_number(found[0]):
                yield "phone_number", found.start(), found.end()
    for found in _CALLED.finditer(text):
        if sum(letter.isdigit() for letter in found[1]) >= 8:
            yield "phone_number", found.start(1), found.end(1)
    for found in _FORMED.finditer(text):
        yield "phone_number", found.start(), found.end()


def _is_number(written: str) -> bool:
    """Whether a number with its country code may be one that somebody has."""
    from phonenumbers import NumberParseException, is_possible_number, parse

    try:
        return is_possible_number(parse(written))
    except NumberParseException:
        return False


def _hosts(text: str) -> Iterator[Span]:
    for found in _INTERNAL.finditer(text):
        labels = found[1].split(".")
        named = "://" in found[0]
        machine = any(letter.isdigit() or letter == "-" for letter in labels[0])
        several = len(labels) > 2 and labels[0] not in _CODE
        if (named or machine or several) and not (labels[-2:] == ["example", "local"] and not named):
            yield "internal_host", found.start(1), found.end(1)
