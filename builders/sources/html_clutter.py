"""What an element's name and attributes say about it: never shown or read, or likely no part of the content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from nyxqa.builders.sources.html_measure import HEADINGS

_NEVER_NAMES = """
    script style noscript template iframe select datalist input textarea svg canvas object embed video audio dialog
    head rp rt annotation annotation-xml frameset progress meter map
"""
# Roles and full class names of what is never read as text: marks, signs and tools within the content.
_TOOL_ROLES = frozenset(("navigation", "search", "menu", "menubar", "toolbar", "dialog", "alertdialog", "doc-backlink"))
_TOOL_NAMES = """
    navbar sphinxsidebar headerlink viewcode-link viewcode-back viewcode-block-link toctree-sidebar toc-backref-list
    prev-next prev-next-area prevnext skip-link sr-only visually-hidden screen-reader-text mw-editsection
    mw-jump-link noprint navbox catlinks printfooter metadata docnav anchor-link permalink hash-link copybtn edit-link
    edit-page-link theme-edit-this-page sphx-glr-download-link-note sphx-glr-footer sphx-glr-download sphx-glr-timing
    sphx-glr-signature sphx-glr-script-out navheader navfooter navpath navtab topnav topNav bottomNav subNav md-nav
    md-sidebar md-header md-footer pagination-nav report-bug reportbug footnote-back footnote-backref
    theme-doc-version-banner theme-doc-version-badge theme-doc-breadcrumbs theme-doc-toc-mobile theme-doc-footer
    theme-last-updated version-warning version-banner bd-header-version-warning bd-header-announcement rst-versions
    md-banner reversefootnote MathJax_Preview mw-indicators mw-cite-backlink
"""
_TYPESET = frozenset(("MathJax", "MathJax_Display", "MathJax_SVG", "MathJax_CHTML", "MathJax_SVG_Display"))
_MARK_NAMES = "footnote-reference footnote-ref footnoteref doc-noteref"
_NEVER, _TOOLS, _MARKS = (frozenset(names.split()) for names in (_NEVER_NAMES, _TOOL_NAMES, _MARK_NAMES))
_LINE_NUMBER_NAMES = """
    ln lnt lineno linenos linenodiv lnum line-number line-numbers linenumber linenumbers gutter rouge-gutter gl
    hljs-ln-numbers src-line-numbers blob-num
"""
_LINE_NUMBERS = frozenset(_LINE_NUMBER_NAMES.split())
_INVISIBLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SEPARATORS = re.compile(r"[-_]+")
_WHOLE = r"(?:^|[\s-])(?:{})(?=$|[\s-])"


def _words(names: str) -> re.Pattern[str]:
    return re.compile(_WHOLE.format("|".join(names.split())))


# Words in class names and ids, by what such an element holds. Words of ``linked`` are only believed of links.
_KINDS = {
    "comments": _words(r"comments? commentlist comment-?respond disqus\w* replies"),
    "related": _words(
        r"related[\w-]*(?:posts?|articles?|content|stories|links|news) jp-relatedposts recommend\w* suggested "
        r"teasers? promo\w* sponsor\w* most-(?:read|popular|viewed|commented) trending popular-\w+ outbrain "
        r"taboola\w* "
        r"similar-?(?:posts?|articles?|products?|topics?) (?:more|other|further|also)-(?:stories|news|articles|"
        r"posts|reading) "
        r"up-?sells? cross-?sells? up-?next relatedposts\w* "
        r"read-?more more-(?:from|news|stories|posts|articles|on) (?:also|further|see)-?(?:read|like) "
        r"you-(?:may|might) latest-\w+ recent-?(?:\w*news|\w+) readalso recirc\w* reading-list"
    ),
    "share": _words(
        r"share shares sharing share-?(?:bar|box|buttons?|links?|tools?) sharedaddy socials? social-?\w+ addtoany\w* "
        r"addthis\w* follow-(?:us|me) a2a_kit ssba essb\w* wabtn\w* print-?(?:header|footer|only) visible-print\w* "
        r"d-print-(?:block|inline|flex|table) only-?print likes?-(?:text|box|buttons?) sd-(?:block|like|sharing|"
        r"social) "
        r"jetpack-?likes\w* social(?:bar|buttons|icons|links|media|share) (?:post|article|story|"
        r"page)-?(?:actions|tools) "
        r"text-?resizer font-?(?:size|resizer) (?:gallery|carousel|slide\w*)-?(?:controls?|count\w*|nav\w*|"
        r"indicators) "
        r"control-(?:bar|panel)"
    ),
    "sign_up": _words(
        r"newsletter\w* subscri\w+ sign-?up mailchimp\w* mc-embedded\w* opt-?in log-?in sign-?in paywall\w* donat\w+ "
        r"membership cta call-?to-?action user-?(?:panel|menu|bar|nav|links|tools|account)"
    ),
    "notice": _words(
        r"cookies? cookie\w* consent gdpr ccpa privacy-(?:banner|notice) modal pop-?up lightbox off-?canvas "
        r"drawer overlay"
    ),
    "advertisement": _words(
        r"ads? advert\w* adsense adsbygoogle ad-?(?:slot|unit|box|container|wrapper|banner) dfp\w*"
    ),
    "author": _words(
        r"author-?(?:box|bio|info|card|profile|desc\w*|content|block|details|area) about-?(?:the-)?author "
        r"post-?author bio bios post-?profile (?:poster|user)-?(?:info|details) user-?signature "
        r"message-signature signaturecontainer sig\d+ msg-\d+-signature signature-restore"
    ),
    "header": _words(r"headerbar titlearea projectname project-name site-title site-branding site-description"),
    "rating": _words(r"ratings? votes? voting helpful feedback"),
    "footer": _words(
        r"stat-block online-list whos?-online "
        r"(?:site|page|global|main)?-?footer foot colophon copyrights? imprint"
    ),
    "path": _words(r"breadcrumbs? bread-crumbs? breadcrumb\w* crumbs?"),
    "column": re.compile(
        r"(?:^|\s|(?<!with)(?<!has)-)(?:right|left)-?rail(?=$|[\s-])|(?:^|\s)(?:breaking-news|news-?ticker)(?=$|[\s-])"
    ),
    "linked": _words(
        r"nav navi navigation navbar nav-?\w* \w+-nav menus? menu-\w+ \w+-menu submenu mega-?menu pagination "
        r"pager paging prev next toc table-of-contents on-this-page "
        r"tags tag-?(?:list|cloud|links) (?:post|entry|article)-tags cat(?:egory)?-links tool-?bar top-?bar banner "
        r"skip-\w+ related sitemap languages? language-switcher site-?links tabs "
        r"breaking-\w+ jumpbox-return (?:post|topic)-?buttons"
    ),
    "aside": _words(r"side-?bar\w* \w*sidebar widgets? widget-area right-?col\w* left-?col\w* rail"),
}
_EDGES = tuple(map(len, _WHOLE.split("{}")))
# The words of all kinds at once, because most elements, such as the thousand terms of a manual, have none of them.
_SOME_KIND = re.compile(
    _WHOLE.format("|".join(_KINDS[key].pattern[_EDGES[0] : -_EDGES[1]] for key in _KINDS if key != "column"))
)
# Lines about a page: who wrote it and when.
_CREDITS = _words(
    r"(?:entry|post|article|blog|news|story|item|page|detail)-?(?:meta|info|date|author|byline|time)s? "
    r"postmetadata meta-(?:line|info|item) by-?line date-?lines? dates? publish\w*-?(?:date|time|on)? time-?stamp "
    r"(?:update|modified)d?-?(?:date|time|on)? posted-?(?:on|by|in) submitted author(?!-) "
    r"author-?(?:name|line|meta|date) "
    r"read(?:ing)?-?time disclosure kicker eyebrow"
)
_IMAGE_CREDITS = _words(
    r"(?:image|photo|media|picture|figure|img|thumb\w*|caption|video)-?(?:credits?|copyrights?|attribution) credits? "
    r"photo-?by photographer"
)
_BYLINES = _words(r"by-?line date-?(?:line|header) author-?name")
# Boxes of a text and its wrappers, whatever else their names say.
_CONTENT = _words(
    r"admonition\w* callout note notes warning caution danger important example footnotes? footnote-list "
    r"sidebarblock "
    r"admonitionblock toctree-wrapper seealso abstract entry-content post-content article-body article-content "
    r"post-body story-body highlight listingblock"
)
# Words of a builder of pages, and what a wrapper says to have beside it, such as has-rail-right.
_LAYOUT = re.compile(
    r"\belementor-(?:widget|element|section|column|container|inner|row|top)\b|(?:^|(?<=\s))(?:has|with|without)-[\w-]+"
)


class Verdict(NamedTuple):
    """What an element's attributes say.

    :param never: Whether it is left out without looking at what is inside.
    :param kind: What it likely holds instead of content; "" if nothing speaks against it.
    :param mark: Whether it is the mark of a footnote.
    :param numbers: Whether it holds line numbers, if it holds digits.
    :param main: Whether it says to be the main content.
    """

    never: bool = False
    kind: str = ""
    mark: bool = False
    numbers: bool = False
    main: bool = False


_TAG_KINDS = {"nav": "linked", "footer": "footer", "aside": "aside", "header": "header"}
_ROLE_KINDS = {"complementary": "aside", "banner": "header", "contentinfo": "footer", "alert": "aside"}
CONTAINERS = frozenset(("div", "section", "main", "aside", "ul", "ol", "table", "td", "dl", "article"))
_MAIN_NAMES = frozenset(("content", "main-content", "main", "mw-content-text", "bodyContent"))
_MAIN_CLASSES = frozenset(("body", "document"))
_INLINE_NAMES = "a abbr b bdi cite code em i img kbd mark picture q s samp small strong sub sup u var"
_INLINE = frozenset(_INLINE_NAMES.split())
_WRAPPERS = frozenset(("html", "body", "main", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "tbody", "tr", "math"))


def verdict(tag: str, attributes: Mapping[str, str]) -> Verdict:
    """Judge an element by its name and attributes."""
    if tag in _NEVER:
        return NOTHING if attributes.get("type", "").startswith("math/tex") else _IS_NEVER
    if not attributes:
        return _BY_TAG.get(tag, NOTHING)
    if tag == "a" and _OF_LINKS.issuperset(attributes):
        return _IS_NEVER if attributes.get("href", "").startswith(_TO_MARKS) else NOTHING
    hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
    if hidden or ("style" in attributes and _INVISIBLE.search(attributes["style"])):
        return _IS_HIDDEN
    role = attributes.get("role", "")
    if tag == "a" and (role == "doc-noteref" or "data-footnote-ref" in attributes):
        return _IS_MARK
    if tag == "a" and attributes.get("href", "").startswith(_TO_MARKS):
        return _IS_NEVER  # back from a footnote to its mark
    return _by_names(tag, role, attributes.get("class", ""), attributes.get("id", ""))


@lru_cache(maxsize=16384)
def _by_names(tag: str, role: str, classes: str, name: str) -> Verdict:
    names = frozenset(classes.split())
    if tag not in _WRAPPERS and (role in _TOOL_ROLES or not _TOOLS.isdisjoint(names)):
        return _IS_NEVER
    if names >= {"contents", "topic"}:
        return _IS_NEVER  # a page's own table of contents
    if not _MARKS.isdisjoint(names) or (tag == "sup" and ("reference" in names or name.startswith("fnref"))):
        return _IS_MARK
    if not _TYPESET.isdisjoint(names):
        return Verdict(kind="typeset")
    numbers = not _LINE_NUMBERS.isdisjoint(names)
    styles = _SEPARATORS.sub("-", _LAYOUT.sub("", _CAMEL.sub("-", classes).lower()))
    if tag in HEADINGS and tag != "h1" and _BYLINES.search(styles):
        return Verdict(kind="credits")
    if tag in _INLINE or tag in _WRAPPERS:
        return Verdict(numbers=numbers, main=tag == "main")
    main = tag in ("main", "article") or role == "main" or name in _MAIN_NAMES or not _MAIN_CLASSES.isdisjoint(names)
    words = f"{styles} {_SEPARATORS.sub('-', _CAMEL.sub('-', name).lower())}"
    if _CONTENT.search(words):
        return Verdict(numbers=numbers, main=main)
    kind = _ROLE_KINDS.get(role) or _TAG_KINDS.get(tag, "")
    if kind in ("", "aside", "header"):
        if _SOME_KIND.search(words) or _KINDS["column"].search(words):
            kind = next((key for key, pattern in _KINDS.items() if pattern.search(words)), kind)
        if not kind and _IMAGE_CREDITS.search(styles):
            kind = "image_credit"
        elif not kind and _CREDITS.search(styles):  # an id may be made of a heading or name, such as isDate
            kind = "credits"
    return Verdict(kind=kind, numbers=numbers, main=main)


_OF_LINKS, _TO_MARKS = frozenset(("href", "title", "name", "target")), ("#fnref", "#user-content-fnref")
NOTHING, _IS_NEVER, _IS_MARK = Verdict(), Verdict(never=True), Verdict(mark=True)
_IS_HIDDEN = Verdict(kind="hidden")
_BY_TAG = {tag: Verdict(kind=kind) for tag, kind in _TAG_KINDS.items()} | dict.fromkeys(
    ("main", "article"), Verdict(main=True)
)
