"""Separates the content of an HTML page from navigation and other clutter."""

from __future__ import annotations

import re
from collections.abc import Callable

from nyxqa.builders.sources.html_tree import Tree

_TAG_NAMES = """
    script style noscript template nav footer aside form button input select textarea svg canvas iframe object
    embed video audio dialog menu head annotation annotation-xml rp rt
"""
_ROLE_NAMES = "navigation banner contentinfo complementary search menu menubar toolbar dialog alert"
# Full class names that frameworks and documentation generators use for clutter around the content.
_CLASS_NAMES = """
    nav navbar navigation breadcrumb breadcrumbs sidebar sphinxsidebar related footer headerlink viewcode-link
    linenos toc toctree-sidebar toc-backref-list pagination pager prev-next prev-next-area prevnext
    cookie cookie-banner cookie-notice advertisement ads share sharing social social-links skip-link sr-only
    visually-hidden screen-reader-text mw-editsection mw-jump-link noprint navbox catlinks printfooter metadata
    docnav anchor-link permalink hash-link copybtn edit-link edit-page-link theme-edit-this-page
    sphx-glr-download-link-note sphx-glr-footer sphx-glr-download sphx-glr-timing sphx-glr-signature
    sphx-glr-script-out footnote-reference navheader navfooter navpath navtab topnav topNav bottomNav subNav
    md-nav md-sidebar md-header md-footer table-of-contents pagination-nav report-bug reportbug
"""
_TAGS, _ROLES, _CLASSES = (frozenset(names.split()) for names in (_TAG_NAMES, _ROLE_NAMES, _CLASS_NAMES))
_NEXT_PREVIOUS = frozenset(("next", "prev", "previous"))
_INVISIBLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
# Elements that contain the content, most specific first.
_MAIN: tuple[Callable[[str, str, str, list[str]], bool], ...] = (
    lambda tag, role, name, classes: tag == "main" or role == "main",
    lambda tag, role, name, classes: tag == "article",
    lambda tag, role, name, classes: name == "mw-content-text",
    lambda tag, role, name, classes: tag == "div" and "body" in classes,
    lambda tag, role, name, classes: tag == "div" and "document" in classes,
    lambda tag, role, name, classes: name in ("content", "main-content", "main"),
    lambda tag, role, name, classes: tag == "body",
)


def prune(tree: Tree) -> None:
    """Mark clutter as dropped; text after a dropped element stays."""
    node = 0
    while node < len(tree):
        if tree.tags[node] and _is_clutter(tree, node):
            tree.dropped[node] = 1
            node = tree.ends[node]
        else:
            node += 1


def main_content(tree: Tree) -> list[int]:
    """Return the elements that contain the content: the first of ``_MAIN`` that are not blank, else the root."""
    for matches in _MAIN:
        outer: list[int] = []
        for node in tree.walk(0):
            if node < 0 or not tree.tags[node] or (outer and node < tree.ends[outer[-1]]):
                continue
            if matches(tree.tags[node], tree.get(node, "role"), tree.get(node, "id"), tree.classes(node)):
                outer.append(node)
        if any(_has_content(tree, node) for node in outer):
            return outer
    return [0]


def _is_clutter(tree: Tree, node: int) -> bool:
    tag = tree.tags[node]
    if tag in _TAGS or tree.get(node, "role") in _ROLES:
        return True
    if tree.has(node, "hidden") or tree.get(node, "aria-hidden") == "true":
        return True
    if tag == "header":  # the site's header is clutter; an article's contains its title
        return not any(tree.tags[parent] in ("main", "article") for parent in tree.ancestors(node))
    classes = frozenset(tree.classes(node))
    if tag not in ("html", "body", "main") and not _CLASSES.isdisjoint(classes):
        return True
    if classes >= {"contents", "topic"} or (tag == "sup" and "reference" in classes):
        return True  # a page's own table of contents, a footnote mark
    if tag == "a" and not _NEXT_PREVIOUS.isdisjoint(tree.get(node, "rel").lower().split()):
        return True
    return bool(_INVISIBLE.search(tree.get(node, "style")))


def _has_content(tree: Tree, root: int) -> bool:
    return any(node >= 0 and (tree.tags[node] == "img" or bool(tree.texts[node].strip())) for node in tree.walk(root))
