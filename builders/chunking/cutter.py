"""Cuts a page into chunks: at sentence ends where possible, never inside a word."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from nyxqa.builders.chunking.token_index import Ints, TokenStarts, concatenated, space_starts
from nyxqa.schemas.words import has_unspaced, sentence_ends, word_spans

# A longer run of letters is not a word; it may be cut, so that chunks stay bounded.
LONGEST_WORD = 1000


@dataclass(slots=True)
class Layout:
    """A page's text and the positions where it may be cut, in characters of ``text``.

    :param text: Parts joined by line ends, with a placeholder for each image.
    :param tokens: Token starts.
    :param borders: Starts of all parts except the first.
    :param images: Placeholder starts.
    :param words: Positions between words, ascending.
    :param sentences: Positions between sentences, ascending, part borders included.
    """

    text: str
    tokens: TokenStarts = field(default_factory=lambda: TokenStarts.of(()))
    borders: Sequence[int] = ()
    images: Sequence[int] = ()
    words: Sequence[int] | Ints = ()
    sentences: Sequence[int] | Ints = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk: characters ``start`` to ``end``, number of tokens, index of its first image and number of images."""

    start: int
    end: int
    tokens: int
    first_image: int
    images: int


def lay_out(parts: Sequence[str | None], starts: Sequence[TokenStarts | None], placeholder: str) -> Layout:
    """Join the parts of a page and return the layout.

    :param parts: Texts; None for an image.
    :param starts: Token starts of each text part; None for an image.
    :param placeholder: Text that replaces an image.
    """
    text = "\n".join(placeholder if part is None else part for part in parts)
    lengths = [len(placeholder if part is None else part) + 1 for part in parts]
    begins = [end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
    tokens = concatenated([(begin, own) for begin, own in zip(begins, starts, strict=True) if own is not None])
    images = [begin for begin, part in zip(begins, parts, strict=True) if part is None]
    ends = _space_starts(text, tokens, [begin + len(placeholder) for begin in images])
    return Layout(text, tokens, begins[1:], images, _word_cuts(text, ends), [*sentence_ends(text), len(text)])


def _space_starts(text: str, tokens: TokenStarts, images: Sequence[int]) -> Ints:
    """Return the starts of white space; word ends are taken from the tokens where they are known."""
    if not tokens.words or not len(tokens.ends):
        return space_starts(text)
    ends = np.sort(np.concatenate([tokens.ends, images])) if images else tokens.ends
    ends = ends[:-1] if ends[-1] == len(text) else ends
    return np.concatenate([[0], ends]) if text[0].isspace() else ends


def _word_cuts(text: str, cuts: Ints) -> Ints:
    """Return the positions at which a cut leaves words whole, ascending.

    These are the starts of white space, borders of words that are not separated by white space, and every
    ``LONGEST_WORD``-th character of a run that is too long for a word.

    :param cuts: Starts of white space.
    """
    if has_unspaced(text):
        spans = np.array(word_spans(text), np.int64).reshape(-1, 2)
        meeting = spans[1:, 0][spans[1:, 0] == spans[:-1, 1]]
        cuts = np.union1d(cuts, meeting)
    bounds = np.concatenate([[0], cuts, [len(text)]])
    long = np.flatnonzero(bounds[1:] - bounds[:-1] > LONGEST_WORD).tolist()
    if long:
        inside = [np.arange(bounds[i] + LONGEST_WORD, bounds[i + 1], LONGEST_WORD) for i in long]
        cuts = np.union1d(cuts, np.concatenate(inside))
    return cuts


def cut(
    layout: Layout,
    max_tokens: int,
    max_images: int,
    count: Callable[[Layout, int, int], int] | None = None,
    words_only: bool = False,
) -> list[Cut]:
    """Return chunks of at most ``max_tokens`` tokens and ``max_images`` images that together cover the whole page.

    A cut is after a sentence if one ends in the second half of the chunk, else after a word; only a single word of
    more than ``max_tokens`` tokens is cut inside. An image beyond ``max_images`` starts a new chunk.

    :param count: Returns the number of tokens of a slice of the page that is tokenized by itself; None if it equals
        the slice's tokens within the page. A first word without the space before it may have more tokens, and a chunk
        with too many is cut shorter. Called with slices that neither start nor end with white space.
    :param words_only: Whether the two numbers can differ only where a cut is inside a word.
    """
    cuts, start, end = [], 0, len(layout.text)
    token = image = 0  # tokens and images before ``start``
    while start < end:
        budget, tokens = max_tokens, 0
        while True:
            stop = _next_cut(layout, start, token, image, budget, max_images)
            token_end = layout.tokens.number_before(stop)
            text = layout.text[start:stop].strip()
            tokens = token_end - token
            if count is not None and text and not (words_only and _between_words(layout.text, start, stop)):
                first = layout.text.index(text, start)
                tokens = count(layout, first, first + len(text))
            if tokens <= max_tokens or budget == 1 or not text:
                break
            budget = max(1, min(budget, token_end - token) - (tokens - max_tokens))
        images = bisect_left(layout.images, stop)
        if text:
            cuts.append(Cut(start, stop, tokens, image, images - image))
        start, token, image = stop, token_end, images
    return cuts


def _between_words(text: str, *cuts: int) -> bool:
    return all(at in (0, len(text)) or text[at].isspace() or text[at - 1].isspace() for at in cuts)


def _next_cut(layout: Layout, start: int, token: int, image: int, max_tokens: int, max_images: int) -> int:
    """Return the end of the chunk that begins at ``start``, after ``token`` tokens and ``image`` images."""
    end, tokens = len(layout.text), layout.tokens
    full = token + max_tokens
    by_images = layout.images[image + max_images] if image + max_images < len(layout.images) else end
    # An image is never inside a unit, so comparing with the unit's start is enough.
    if full >= len(tokens) or by_images <= tokens.span(full)[0]:
        return by_images
    sentence = _last(layout.sentences, tokens, full)
    if _starts_before(tokens, token + max_tokens // 2, sentence):
        return sentence
    word = max(sentence, _last(layout.words, tokens, full))
    if word > start:
        return word
    return max(tokens.start(full), start + 1)  # a character of more than ``max_tokens`` tokens is not cut


def _last(cuts: Sequence[int] | Ints, tokens: TokenStarts, token: int) -> int:
    """Return the last of ``cuts`` that is not after the start of ``token``, or -1."""
    begin, end = tokens.span(token)
    index = bisect_right(cuts, begin)
    if index < len(cuts) and cuts[index] < end:  # the unit may be cut
        index = bisect_right(cuts, tokens.start(token))
    return int(cuts[index - 1]) if index else -1


def _starts_before(tokens: TokenStarts, token: int, at: int) -> bool:
    """Whether a token starts before character ``at``."""
    begin, end = tokens.span(token)
    return at > begin and (at >= end or at > tokens.start(token))
