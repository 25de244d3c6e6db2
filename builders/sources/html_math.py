"""Formulas as text: the TeX that comes with them, else what MathML says, on one line."""

from __future__ import annotations

import re

from nyxqa.builders.sources.html_tree import Tree

_ORDINAL_NAMES = "st nd rd th er ere \u00e8re re e eme \u00e8me me nde ter o a os as \u00ba \u00aa \u00b0 tm sm"
_ORDINALS = frozenset(_ORDINAL_NAMES.split())
_LETTERS = re.compile(r"[^\W\d_]{2,}\.?")
_BASE = re.compile(r"[\w)\]}\u2032\u221e%\u00b0]\Z")


_DISPLAY = re.compile(r"\{\s*\\?(?:display|text)style\b\s*(.*)\}", re.DOTALL)
_STYLE = re.compile(r"\\?(?:display|text)style\b\s*")
_FENCES = re.compile(r"\$+|\\[\[\]()]")
_INVISIBLE = str.maketrans({"\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u2212": "-"})
_PLAIN = re.compile(r"[-+]?[\w.,]*")
_SILENT = frozenset(("annotation", "annotation-xml", "mphantom"))


def tex(text: str) -> str:
    """Return a formula in TeX without what only says how to set it, such as dollar signs."""
    text = " ".join(_FENCES.sub(" ", text).split())
    whole = _DISPLAY.fullmatch(text)
    return " ".join(_STYLE.sub("", whole.group(1) if whole else text).split())


def formula(tree: Tree, node: int) -> str:
    """Return a ``math`` element as its TeX, if it brings any, or as one line such as ``x^(n+1)/2``."""
    inside = range(node, tree.ends[node])
    for inner in inside:
        if tree.tags[inner] == "annotation" and "tex" in tree.get(inner, "encoding").lower():
            return tex("".join(tree.texts[child] for child in range(inner, tree.ends[inner])))
    return tex(tree.get(node, "alttext")) or _linear(tree, node)


def _linear(tree: Tree, root: int) -> str:
    """Return MathML on one line; inner elements are read first, so that no depth is too deep."""
    done: dict[int, str] = {}
    for node in reversed(range(root, tree.ends[root])):
        tag = tree.tags[node]
        if not tag:
            done[node] = " ".join(tree.texts[node].split()).translate(_INVISIBLE)
            continue
        children = list(tree.children(node))
        parts = [done.pop(child) for child in children]
        if tag in _SILENT:
            done[node] = ""
            continue
        elements = [part for child, part in zip(children, parts, strict=True) if tree.tags[child]]
        done[node] = _element(tree, tag, children, elements, parts)
    return done[root]


def _element(tree: Tree, tag: str, children: list[int], elements: list[str], parts: list[str]) -> str:
    first, second, third = (*elements, "", "", "")[:3]
    if tag == "mfrac":
        return f"{group(first)}/{group(second)}"
    if tag in ("msup", "mover"):
        return f"{_base(first)}^{group(second)}" if second else first
    if tag in ("msub", "munder"):
        return f"{_base(first)}_{group(second)}" if second else first
    if tag in ("msubsup", "munderover"):
        return f"{_base(first)}_{group(second)}^{group(third)}"
    if tag == "msqrt":
        return f"sqrt({''.join(parts)})"
    if tag == "mroot":
        return f"root({first}, {second})"
    if tag == "mtable":
        return f"[{'; '.join(elements)}]"
    if tag == "mtr":
        return ", ".join(elements)
    return _row(tree, children, parts)


def _row(tree: Tree, children: list[int], parts: list[str]) -> str:
    """Join adjacent parts; a blank keeps 3 and 1/4 apart."""
    text = ""
    for child, part in zip(children, parts, strict=True):
        apart = text[-1:].isdigit() and part[:1].isalnum() and tree.tags[child] in ("mfrac", "mn", "mrow")
        text += f" {part}" if apart or (tree.tags[child] == "mtext" and text) else part
    return text


def group(text: str) -> str:
    """Return ``text``, in brackets if it would not be read as one with a sign in front."""
    return text if _PLAIN.fullmatch(text) or len(text) == 1 or _is_bracketed(text) else f"({text})"


def _base(text: str) -> str:
    return text if len(text) <= 1 or text.isalnum() or _is_bracketed(text) else f"({text})"


def _is_bracketed(text: str) -> bool:
    """Whether one pair of brackets is around the whole."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


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
