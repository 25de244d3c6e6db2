"""Lines and boxes about the author that a page names in its head, before and behind its text."""

from __future__ import annotations

import re

from nyxqa.builders.sources.html_measure import BLOCKS, Measure
from nyxqa.builders.sources.html_tree import Tree

_ARTICLE = 1000  # characters of prose
_META = frozenset(("author", "article:author", "parsely-author", "sailthru.author", "dc.creator", "citation_author"))
_LINKED_DATA = re.compile(r'"author"\s*:\s*\[?\s*\{[^{}]{0,400}?"name"\s*:\s*"([^"\\]{4,60})"')
_NAME = re.compile(r"[^\W\d_][\w.'\u2019-]*(?: [^\W\d_][\w.'\u2019-]*){1,3}")
_TELLING = frozenset(("meta", "script"))
_BLOCKS = frozenset(("p", "div", "section", "h3", "h4", "h5", "h6"))
_BY = (
    r"(?:(?:(?:written|posted|published|reported|article|story|text|words) )?(?:by|von|par|por|di|door)[\s:]+|"
    r"author[\s:]+)?"
)
_VERBS = (
    r"(?:is|was|has|holds|writes|wrote|covers|works|worked|joined|serves|lives|leads|founded|speciali[sz]es|brings|enjoys|"
    r"loves|ist|schreibt|arbeitet|studierte|lebt|est|\u00e9crit|es|escribe|\u00e8|scrive|\u00e9|escreve)"
)
_LINE = 100  # characters
_ROLE = 50  # characters beside the name
_BIOGRAPHY = 900
_BEGUN = 100  # characters of prose before which a text has not begun
_END = 0.8  # of the prose; what stands behind it may be about the author


def drop_authors(tree: Tree, measure: Measure, root: int, title: int | None) -> None:
    """Drop from below ``root`` the lines that name the author, and what is said of that person at the end."""
    whole = measure.prose(root)
    names = _authors(tree) if whole >= _ARTICLE else set()
    if not names:
        return
    either = "|".join(map(re.escape, sorted(names)))
    line = re.compile(rf"{_BY}(?:{either})(?!\w).{{0,{_ROLE}}}", re.IGNORECASE | re.DOTALL)
    biography = re.compile(rf"(?:{either})(?:,[^.]{{2,90}},)?\s+{_VERBS}\b", re.IGNORECASE)
    for node in tree.shown(tree.named(_BLOCKS, root + 1, tree.ends[root])):
        chars, before = measure.chars(node), measure.prose_before(node, root)
        if not 0 < chars <= _BIOGRAPHY or _BEGUN <= before < _END * whole or tree.find(node, *BLOCKS) is not None:
            continue
        if node == title or (title is not None and title <= node < tree.ends[title]):
            continue
        text = " ".join(tree.text(node).split())
        named = chars <= _LINE and measure.prose(node) <= _LINE and line.fullmatch(text) and text[-1:] not in ".?!"
        if named or (before >= _END * whole and biography.match(text)):
            tree.dropped[node] = 1


def _authors(tree: Tree) -> set[str]:
    """Return the full names of authors that the head of a page tells."""
    head = tree.find(0, "head")
    found = []
    for node in tree.named(_TELLING, 0, tree.ends[head] if head is not None else 0):
        if tree.tags[node] == "meta":
            key = tree.get(node, "name") or tree.get(node, "property")
            if key.lower() in _META:
                found.append(tree.get(node, "content"))
        elif tree.tags[node] == "script" and "ld+json" in tree.get(node, "type"):
            found += _LINKED_DATA.findall("".join(tree.texts[node : tree.ends[node]]))
    return {name for name in (" ".join(name.split()) for name in found) if _NAME.fullmatch(name)}
