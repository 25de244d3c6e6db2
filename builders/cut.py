"""Where a page is cut into chunks: at sentence ends where possible, never inside a word."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from nyxqa.builders.characters import Ints, space_begins
from nyxqa.schemas.words import has_unspaced, sentence_ends, word_spans

# A run of letters this long is no word; it may be cut so that no chunk grows without bound.
LONGEST_WORD = 1000


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
    tokens: Sequence[int] | Ints = ()
    images: Sequence[int] = ()
    words: Sequence[int] | Ints = ()
    sentences: Sequence[int] | Ints = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk: characters ``start`` to ``end``, its number of tokens, its first image and number of images."""

    start: int
    end: int
    tokens: int
    first_image: int
    images: int


def lay_out(parts: Sequence[str | None], starts: Sequence[Sequence[int] | Ints], placeholder: str) -> Layout:
    """Join the parts of a page; None stands for an image.

    :param starts: Token starts of each text part, nothing for an image.
    """
    text = "\n".join(placeholder if part is None else part for part in parts)
    lengths = [len(placeholder if part is None else part) + 1 for part in parts]
    begins = [end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
    tokens = [begin + np.asarray(own, np.int64) for begin, own in zip(begins, starts, strict=True) if len(own)]
    return Layout(
        text,
        np.concatenate(tokens) if tokens else [],
        [begin for begin, part in zip(begins, parts, strict=True) if part is None],
        _word_cuts(text),
        [*sentence_ends(text), len(text)],
    )


def _word_cuts(text: str) -> Sequence[int] | Ints:
    """Where white space begins, where two words meet without any, and here and there in what is too long for a word."""
    cuts = space_begins(text)
    if has_unspaced(text):
        spans = np.array(word_spans(text), np.int64).reshape(-1, 2)
        meeting = spans[1:, 0][spans[1:, 0] == spans[:-1, 1]]
        cuts = np.union1d(cuts, meeting)
    bounds = np.concatenate([[0], cuts, [len(text)]])
    long = np.flatnonzero(np.diff(bounds) > LONGEST_WORD).tolist()
    if long:
        inside = [np.arange(bounds[i] + LONGEST_WORD, bounds[i + 1], LONGEST_WORD) for i in long]
        cuts = np.union1d(cuts, np.concatenate(inside))
    return cuts


def cut(
    layout: Layout,
    max_tokens: int,
    max_images: int,
    count: Callable[[str], int] | None = None,
    words_only: bool = False,
) -> list[Cut]:
    """Chunks of at most ``max_tokens`` tokens and ``max_images`` images that together hold the whole page.

    A cut falls behind a sentence if one ends in the second half of the chunk, else behind a word; only a single word
    of more than ``max_tokens`` tokens is cut inside. A further image starts a new chunk.

    :param count: Tokens of a chunk's text alone, where that differs from its tokens within the page: a first word
        without the space before it may become more of them. A chunk that has too many alone is cut shorter.
    :param words_only: That it can differ only where a cut falls inside a word.
    """
    cuts, start, end = [], 0, len(layout.text)
    while start < end:
        budget, tokens = max_tokens, 0
        while True:
            stop = _next_cut(layout, start, budget, max_images)
            text = layout.text[start:stop].strip()
            tokens = _within(layout, start, stop)
            if count is not None and not (words_only and _between_words(layout.text, start, stop)):
                tokens = count(text)
            if tokens <= max_tokens or budget == 1 or not text:
                break
            budget = max(1, min(budget, _within(layout, start, stop)) - (tokens - max_tokens))
        first, behind = bisect_left(layout.images, start), bisect_left(layout.images, stop)
        if text:
            cuts.append(Cut(start, stop, tokens, first, behind - first))
        start = stop
    return cuts


def _between_words(text: str, *cuts: int) -> bool:
    return all(at in (0, len(text)) or text[at].isspace() or text[at - 1].isspace() for at in cuts)


def _within(layout: Layout, start: int, stop: int) -> int:
    """Tokens that start between two places of the page."""
    return bisect_left(layout.tokens, stop) - bisect_left(layout.tokens, start)


def _next_cut(layout: Layout, start: int, max_tokens: int, max_images: int) -> int:
    end = len(layout.text)
    token, image = bisect_left(layout.tokens, start), bisect_left(layout.images, start)
    by_tokens = int(layout.tokens[token + max_tokens]) if token + max_tokens < len(layout.tokens) else end
    by_images = layout.images[image + max_images] if image + max_images < len(layout.images) else end
    if by_images <= by_tokens:
        return by_images
    half = int(layout.tokens[token + max_tokens // 2])
    sentence = _last(layout.sentences, by_tokens)
    if sentence > half:
        return sentence
    behind = max(sentence, _last(layout.words, by_tokens))
    if behind > start:
        return behind
    return max(by_tokens, start + 1)  # a character of more than ``max_tokens`` tokens is not cut


def _last(cuts: Sequence[int] | Ints, limit: int) -> int:
    """The last of ``cuts`` that is not behind ``limit``, or -1."""
    index = bisect_right(cuts, limit)
    return int(cuts[index - 1]) if index else -1
