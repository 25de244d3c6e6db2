"""Where a page is cut into chunks: at sentence ends where possible, never inside a word."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nyxqa.schemas.words import sentence_ends, word_spans

# A run of letters this long is no word; it may be cut so that no chunk grows without bound.
LONGEST_WORD = 1000
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class Layout:
    """A page's text with all that is needed to cut it, positions in characters of ``text``.

    :param text: Parts joined by line ends, a placeholder for each image.
    :param tokens: Token starts.
    :param images: Placeholder starts.
    :param words: Where a cut leaves every word whole.
    :param sentences: Where a cut leaves every sentence whole, part borders included.
    """

    text: str
    tokens: list[int] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    sentences: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk: characters ``start`` to ``end``, its number of tokens, its first image and number of images."""

    start: int
    end: int
    tokens: int
    first_image: int
    images: int


def lay_out(parts: Sequence[str | None], starts: Sequence[Sequence[int]], placeholder: str) -> Layout:
    """Join the parts of a page; None stands for an image.

    :param starts: Token starts of each text part, nothing for an image.
    """
    layout = Layout("\n".join(placeholder if part is None else part for part in parts))
    position = 0
    for part, tokens in zip(parts, starts, strict=True):
        if part is None:
            layout.images.append(position)
            end = position + len(placeholder)
        else:
            layout.tokens.extend(position + token for token in tokens)
            layout.words.extend(position + cut for cut in _word_cuts(part))
            layout.sentences.extend(position + cut for cut in sentence_ends(part))
            end = position + len(part)
        layout.sentences.append(end)
        position = end + 1
    return layout


def _word_cuts(text: str) -> list[int]:
    cuts = {match.start() for match in _SPACE.finditer(text)}
    if not text.isascii():
        cuts.update(end for (_, end), (start, _) in pairwise(word_spans(text)) if end == start)
    bounds = [0, *sorted(cuts), len(text)]
    for start, end in pairwise(bounds):
        cuts.update(range(start + LONGEST_WORD, end, LONGEST_WORD))
    return sorted(cuts)


def cut(layout: Layout, max_tokens: int, max_images: int) -> list[Cut]:
    """Chunks of at most ``max_tokens`` tokens and ``max_images`` images that together hold the whole page.

    A cut falls behind a sentence if one ends in the second half of the chunk, else behind a word; only a single word
    of more than ``max_tokens`` tokens is cut inside. A further image starts a new chunk.
    """
    cuts, start, end = [], 0, len(layout.text)
    while start < end:
        stop = _next_cut(layout, start, max_tokens, max_images)
        first, behind = bisect_left(layout.images, start), bisect_left(layout.images, stop)
        tokens = bisect_left(layout.tokens, stop) - bisect_left(layout.tokens, start)
        if layout.text[start:stop].strip():
            cuts.append(Cut(start, stop, tokens, first, behind - first))
        start = stop
    return cuts


def _next_cut(layout: Layout, start: int, max_tokens: int, max_images: int) -> int:
    end = len(layout.text)
    token, image = bisect_left(layout.tokens, start), bisect_left(layout.images, start)
    by_tokens = layout.tokens[token + max_tokens] if token + max_tokens < len(layout.tokens) else end
    by_images = layout.images[image + max_images] if image + max_images < len(layout.images) else end
    if by_images <= by_tokens:
        return by_images
    half = layout.tokens[token + max_tokens // 2]
    sentence = _last(layout.sentences, by_tokens)
    if sentence > half:
        return sentence
    behind = max(sentence, _last(layout.words, by_tokens))
    if behind > start:
        return behind
    return max(by_tokens, start + 1)  # a character of more than ``max_tokens`` tokens is not cut


def _last(cuts: list[int], limit: int) -> int:
    """The last of ``cuts`` that is not behind ``limit``, or -1."""
    index = bisect_right(cuts, limit)
    return cuts[index - 1] if index else -1
