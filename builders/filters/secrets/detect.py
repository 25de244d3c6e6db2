"""Find and mask secrets and personal data in a text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from nyxqa.builders.filters.secrets.personal import Span, personal_spans
from nyxqa.builders.filters.secrets.service_keys import service_patterns

VERSION = 1  # raised whenever something else is found in the same text
MOST = 2_000_000  # characters of a text that are looked at together; a longer one is cut there
_KEY_BLOCK = re.compile(
    r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:[\s\S]{0,20000}?-----END \1-----|[A-Za-z0-9+/=\s:,.-]{0,20000})"
)
_PUTTY = re.compile(r"PuTTY-User-Key-File-[23][\s\S]{0,4000}?Private-MAC: ?[0-9a-f]+")
_ASSIGNED = re.compile(
    r"(?i)(?<![A-Za-z])(?:api[_ -]?key|(?:api|access|auth)[_ -]?token|client[_ -]?secret|secret[_ -]?key|secret"
    r"|passw(?:or)?d|passwd|pwd)[\"']?\s{0,3}(?:=|:|=>|\bis\b)\s{0,3}[\"'`]?([A-Za-z0-9!#$%^&*+/_.~@-]{12,200})"
)
_TOKEN = re.compile(r"[A-Za-z0-9_=+/-]*")
_TOKEN_BEFORE = re.compile(r"[A-Za-z0-9_+-]*\Z")
_BITS = 3.3  # Shannon entropy of a character from which an assigned value is not a word
_PLACEHOLDERS = re.compile(r"(?i)example|your|xxxx|1234567890$|placeholder|changeme|dummy|redacted|\*{3}|\.{3}|<|\$\{")
_PLAIN_PASSWORDS = frozenset({"password", "pass", "passwd", "secret", "pwd", "pw", "port", "user", "xxx", "token"})


def find(text: str) -> list[Span]:
    """What ``text`` holds: kind, start and end of each, in order and without overlaps."""
    spans = [span for start in range(0, len(text), MOST) for span in _spans(text[start : start + MOST], start)]
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one[1], -one[2])):
        if kept and span[1] < kept[-1][2]:
            kind, start, end = kept[-1]
            kept[-1] = (kind, start, max(end, span[2]))
        else:
            kept.append(span)
    return kept


def mask(text: str) -> tuple[str, list[str]]:
    """``text`` with the kind of each finding in its place, as in ``[email address]``, and the kinds."""
    spans, pieces, end = find(text), [], 0
    if not spans:
        return text, []
    for kind, start, stop in spans:
        pieces += [text[end:start], f"[{kind.replace('_', ' ')}]"]
        end = stop
    return "".join((*pieces, text[end:])), [kind for kind, _, _ in spans]


def _spans(text: str, offset: int) -> Iterator[Span]:
    for kind, start, end in (*_service(text), *_key_blocks(text), *_assigned(text), *personal_spans(text)):
        yield kind, start + offset, end + offset


def _service(text: str) -> Iterator[Span]:
    for pattern in service_patterns():
        if not pattern.may_be_in(text):
            continue
        last = 0
        for found in pattern.expression.finditer(text):
            start, end = found.span()
            if start < last:  # within the token that was found before
                continue
            if pattern.kind == "password_in_url":
                if _is_plain_password(found):
                    continue
                yield pattern.kind, start + len("://"), end - 1
                continue
            if pattern.kind in ("discord_token", "mailchimp_key", "telegram_token") and not _is_random(found[0]):
                continue
            before = _TOKEN_BEFORE.search(text, max(0, start - 200), start)
            after = _TOKEN.match(text, end)
            last = after.end() if after else end
            yield pattern.kind, before.start() if before else start, last


def _is_plain_password(found: re.Match[str]) -> bool:
    password = found[1]
    return password.lower() in _PLAIN_PASSWORDS or _PLACEHOLDERS.search(password) is not None or len(password) < 4


def _key_blocks(text: str) -> Iterator[Span]:
    for expression, marks in ((_KEY_BLOCK, "PRIVATE KEY"), (_PUTTY, "PuTTY-User-Key-File-")):
        if marks in text:
            for found in expression.finditer(text):
                yield "private_key", found.start(), found.end()


def _assigned(text: str) -> Iterator[Span]:
    for found in _ASSIGNED.finditer(text):
        value = found[1].rstrip(".")
        mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
        if mixed and _is_random(value) and not _PLACEHOLDERS.search(value) and "/" not in value[:1]:
            yield "assigned_secret", found.start(1), found.start(1) + len(value)


def _is_random(value: str) -> bool:
    """Whether the characters of a value are as mixed as those of a key."""
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy >= _BITS
