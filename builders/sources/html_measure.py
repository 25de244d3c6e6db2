"""How much text, link text and prose each part of a page holds."""

from __future__ import annotations

from collections.abc import Sequence

from nyxqa.builders.sources.html_tree import Tree

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCK_NAMES = """
    address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer form
    header hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul
"""
BLOCKS = HEADINGS.union(_BLOCK_NAMES.split())
_MIN_PROSE = 20  # characters outside links that make a block of text prose


class Measure:
    """Sums over the nodes that are not dropped, so that the sum of any subtree takes two look-ups.

    A block is the text between two borders of block elements. It is prose if it has at least 20 characters outside
    links and more of them outside than inside; menus, bylines and lists of links are not prose. Links in code do not
    count, as documentation generators make one of each name.
    """

    def __init__(self, tree: Tree) -> None:
        self._ends = tree.ends
        size = len(tree)
        self._chars, self._linked, self._prose = [0] * (size + 1), [0] * (size + 1), [0] * (size + 1)
        self._add_up(tree, size)

    def _add_up(self, tree: Tree, size: int) -> None:
        tags, texts, dropped, ends, blocks = tree.tags, tree.texts, tree.dropped, tree.ends, BLOCKS
        chars, linked, prose = self._chars, self._linked, self._prose
        total = links = good = 0  # up to this node
        run = run_links = 0  # of the current block
        link_end = code_end = 0
        borders = [size]
        border = size  # the last of ``borders``
        node = 0
        while node < size:
            if border <= node:
                while border <= node:
                    borders.pop()
                    border = borders[-1]
                own = run - run_links
                if own >= _MIN_PROSE and own >= run_links:
                    good += own
                run = run_links = 0
            chars[node], linked[node], prose[node] = total, links, good
            tag = tags[node]
            if dropped[node]:
                following = ends[node]
                if following > node + 1:
                    skipped = following - node - 1
                    chars[node + 1 : following] = [total] * skipped
                    linked[node + 1 : following] = [links] * skipped
                    prose[node + 1 : following] = [good] * skipped
                node = following
                continue
            if not tag:
                count = len(texts[node].strip())
                if count:
                    total += count
                    run += count
                    if code_end <= node < link_end:
                        links += count
                        run_links += count
            elif tag in blocks:
                own = run - run_links
                if own >= _MIN_PROSE and own >= run_links:
                    good += own
                    prose[node] = good
                run = run_links = 0
                border = ends[node]
                borders.append(border)
                if tag == "pre":
                    code_end = border
            elif tag == "a" and "href" in tree.attributes[node]:
                link_end = max(link_end, ends[node])
            node += 1
        own = run - run_links
        good += own if own >= max(_MIN_PROSE, run_links) else 0
        chars[size], linked[size], prose[size] = total, links, good

    def without(self, tree: Tree, nodes: list[int]) -> Measure:
        """Return the sums after ``nodes``, which are in order and do not overlap, have been dropped from the tree.

        What is left beside blocks need not be counted again; beside text within a line it is.
        """
        if any(tree.tags[node] not in BLOCKS for node in nodes):
            return Measure(tree)
        other = Measure.__new__(Measure)
        other._ends = self._ends
        other._chars, other._linked, other._prose = (
            _without(sums, nodes, tree.ends) for sums in (self._chars, self._linked, self._prose)
        )
        return other

    def chars(self, node: int) -> int:
        """Return the characters of text in a subtree."""
        return self._chars[self._ends[node]] - self._chars[node]

    def links(self, node: int) -> float:
        """Return the share of a subtree's text that is in links, 0 without text."""
        return (self._linked[self._ends[node]] - self._linked[node]) / max(self.chars(node), 1)

    def prose(self, node: int) -> int:
        """Return the characters of prose in a subtree, links excepted."""
        return self._prose[self._ends[node]] - self._prose[node]

    def chars_before(self, node: int, root: int) -> int:
        """Return the characters of text inside ``root`` before ``node``."""
        return self._chars[node] - self._chars[root]

    def prose_before(self, node: int, root: int) -> int:
        """Return the characters of prose inside ``root`` before ``node``."""
        return self._prose[node] - self._prose[root]


def _without(sums: list[int], nodes: list[int], ends: Sequence[int]) -> list[int]:
    found: list[int] = []
    start = gone = 0
    for node in nodes:
        end = ends[node]
        found += [total - gone for total in sums[start : node + 1]] if gone else sums[start : node + 1]
        found += [found[node]] * (end - node - 1)
        gone += sums[end] - sums[node]
        start = end
    found += [total - gone for total in sums[start:]]
    return found
