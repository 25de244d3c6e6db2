"""Whether a page is a discussion, of which what others name comments is the content."""

from __future__ import annotations

import re

from nyxqa.builders.sources.html_tree import Tree

_TYPE = "DiscussionForumPosting"
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES = re.compile(
    r"(?:^|[\s_-])(?:forums?|threads?|show-?thread|thread-?view\w*|view-?topic|discussions?)(?=$|[\s_-])"
)
# Of an address: a host such as forum.example.org, or a part such as /forum/, /travel-forum/, ?threads, viewtopic.php.
_ADDRESS = re.compile(
    r"//(?:forums?|boards?|discuss(?:ions?)?)\.|[/?](?:[a-z]+-)?(?:forums?|threads?|discussions?)(?=[/?.=]|$)|"
    r"/(?:viewtopic|showthread)\b",
    re.IGNORECASE,
)


def is_discussion(tree: Tree) -> bool:
    """Whether a page says that it is a thread of a forum: by its markup, its address or the names of its body."""
    outer = [node for node in (0, *tree.children(0)) if tree.tags[node] != "head"]
    names = " ".join(f"{tree.get(node, 'class')} {tree.get(node, 'id')}" for node in outer)
    if _NAMES.search(_CAMEL.sub("-", names).lower()):
        return True
    for node, tag in enumerate(tree.tags):
        if tag == "script":
            if "ld+json" in tree.get(node, "type") and _TYPE in "".join(tree.texts[node : tree.ends[node]]):
                return True
        elif tag == "link" and tree.get(node, "rel") == "canonical":
            if _ADDRESS.search(tree.get(node, "href")):
                return True
        elif tag == "meta" and tree.get(node, "property") == "og:url":
            if _ADDRESS.search(tree.get(node, "content")):
                return True
        elif tag and _TYPE in tree.get(node, "itemtype"):
            return True
    return False
