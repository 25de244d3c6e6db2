"""Separates the content of an HTML page from navigation and other clutter."""

from __future__ import annotations

import re
from typing import Any

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
_CLOSING = ".,;:!?)"
# Elements that contain the content, most specific first.
_MAIN = (
    "//main|//*[@role='main']",
    "//article",
    "//*[@id='mw-content-text']",
    "//div[contains(concat(' ',normalize-space(@class),' '),' body ')]",
    "//div[contains(concat(' ',normalize-space(@class),' '),' document ')]",
    "//*[@id='content' or @id='main-content' or @id='main']",
    "//body",
)


def prune(root: Any) -> None:
    """Remove clutter from the tree; text after a removed element stays."""
    for element in [element for element in root.iter() if _is_clutter(element)]:
        _remove(element)


def main_content(root: Any) -> list[Any]:
    """Return the elements that contain the content: the first of ``_MAIN`` that are not blank, else the root."""
    for path in _MAIN:
        matches = root.xpath(path)
        matched = set(matches)
        outer = [element for element in matches if not any(parent in matched for parent in element.iterancestors())]
        if any(_has_content(element) for element in outer):
            return outer
    return [root]


def _is_clutter(element: Any) -> bool:
    if not isinstance(element.tag, str):
        return True
    if element.tag in _TAGS or element.get("role") in _ROLES:
        return True
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if element.tag == "header":  # the site's header is clutter; an article's contains its title
        return not any(parent.tag in ("main", "article") for parent in element.iterancestors())
    classes = frozenset((element.get("class") or "").split())
    if element.tag not in ("html", "body", "main") and not _CLASSES.isdisjoint(classes):
        return True
    if classes >= {"contents", "topic"} or (element.tag == "sup" and "reference" in classes):
        return True  # a page's own table of contents, a footnote mark
    if element.tag == "a" and not _NEXT_PREVIOUS.isdisjoint((element.get("rel") or "").lower().split()):
        return True
    return bool(_INVISIBLE.search(element.get("style") or ""))


def _remove(element: Any) -> None:
    parent, tail = element.getparent(), element.tail
    if parent is None:
        return
    if tail:
        before = element.getprevious()
        text = (parent.text if before is None else before.tail) or ""
        text = (text.rstrip() if tail[0] in _CLOSING else text) + tail  # no blank where a footnote mark was
        if before is None:
            parent.text = text
        else:
            before.tail = text
    parent.remove(element)


def _has_content(element: Any) -> bool:
    return any(text.strip() for text in element.itertext()) or element.find(".//img") is not None
