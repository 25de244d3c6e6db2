"""Backslashes in JSON as models write it: LaTeX and Windows paths with one backslash are meant literally."""

from __future__ import annotations

import re

# Commands whose first letter makes a valid JSON escape with the backslash, although no line break, tab or carriage
# return is meant. "\b" and "\f" are never meant before a letter.
_LATEX = frozenset(
    {
        "nabla", "natural", "nearrow", "ne", "neg", "neq", "newline", "nexists", "ngeq", "ni", "nleq", "nmid",
        "nonumber", "norm", "not", "notin", "nparallel", "nsim", "nsubseteq", "nu", "nwarrow",
        "rangle", "rarr", "rbrace", "rbrack", "rceil", "re", "real", "rfloor", "rho", "right", "rightarrow",
        "rightharpoonup", "rightleftharpoons", "rightleftarrows", "rm", "rtimes", "rvert", "rVert",
        "tan", "tanh", "tag", "tau", "tbinom", "text", "textbf", "textcolor", "textdegree", "textit", "textmd",
        "textnormal", "textrm", "textsc", "textsf", "textsubscript", "textsuperscript", "texttt", "textup", "tfrac",
        "therefore", "theta", "thickapprox", "thinspace", "tilde", "times", "tiny", "to", "top", "triangle",
        "triangleleft", "triangleq", "triangleright", "twoheadrightarrow",
    }
)  # fmt: skip
# "A:" and "Q:" are labels, and a line break may follow any label.
_BACKSLASH = re.compile(
    r"""(?P<path>(?<![A-Za-z0-9])[B-PR-Zb-pr-z]:(?!\\n[^a-z])(?:\\(?![\\"/])[^\\"':*?<>|\r\n]{1,255})+\\?(?=["',;.)\s]|\Z))"""
    r"""|\\(?:(?P<kept>["\\/]|u[0-9A-Fa-f]{4})|(?P<word>[bfnrt][A-Za-z]*)|(?P<other>))""",
    re.VERBOSE,
)


def repaired_escapes(text: str) -> str:
    """``text`` with each backslash doubled that is meant literally, so that JSON reads it as one."""
    return _BACKSLASH.sub(_repaired, text) if "\\" in text else text


def _repaired(match: re.Match[str]) -> str:
    whole = match.group()
    if match["path"] is not None:
        return whole.replace("\\", "\\\\")
    if match["kept"] is not None:
        return whole
    word = match["word"]
    if word is None or (word[0] in "bf" and len(word) > 1) or word in _LATEX:
        return "\\" + whole
    return whole
