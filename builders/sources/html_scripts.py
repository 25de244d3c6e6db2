"""Superscripts and subscripts as text, so that 10 to the sixth does not become 106."""

from __future__ import annotations

import re

from nyxqa.builders.sources.html_math import group

_ORDINAL_NAMES = "st nd rd th er ere \u00e8re re e eme \u00e8me me nde ter o a os as \u00ba \u00aa \u00b0 tm sm"
_ORDINALS = frozenset(_ORDINAL_NAMES.split())
_LETTERS = re.compile(r"[^\W\d_]{2,}\.?")
_BASE = re.compile(r"[\w)\]}\u2032\u221e%\u00b0]\Z")


def script(tag: str, before: str, inner: str) -> str:
    """Return a superscript or subscript as it is written after ``before``.

    Ordinals (1st), abbreviations (Mme) and signs stay as they are; others follow ``^`` or ``_``, in brackets where
    they are more than a number or a word.

    :param tag: ``sup`` or ``sub``.
    :param before: The text before it.
    :param inner: The text inside it.
    """
    text = inner.strip()
    if not _BASE.search(before) or not text or text.lower() in _ORDINALS:
        return inner
    if tag == "sup" and _LETTERS.fullmatch(text) and before[-1:].isalpha():
        return inner
    if not any(character.isalnum() for character in text):
        return inner if len(text) == 1 and not text.isascii() else f" {text}" if text in ("*", "**") else inner
    text = text.replace("\u2212", "-")
    return f"{'^' if tag == 'sup' else '_'}{group(text)}"
