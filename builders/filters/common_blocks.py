"""Blocks of text that many pages of a source share, such as menus, banners and cookie notes."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from nyxqa.builders.dedup.settings import MIN_PAGES
from nyxqa.schemas.words import words

Parts = list[dict[str, Any]]
Place = tuple[int, int]  # of a page: number of its part file, and its row there
Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_BORDER = re.compile(r"(\n\n+|\n(?=- ))")  # between paragraphs, and before the item of a list
_SAMPLE = 4  # pages that are compared for each common block
_ALIKE = 0.5  # mean Jaccard similarity from which the pages are versions of one page
_SHORT = 12  # characters; a shorter block goes at the border of a page or beside another one that goes
_SHINGLE = 3  # words
_MANY = 20_000  # pages to compare, from which only some shingles of each are held
_THINNED = 16


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page.

    :param part: Number of its part.
    :param piece: Its place in the pieces of the part.
    :param heading: Whether it is the heading of its part.
    """

    part: int
    piece: int
    text: str
    heading: bool


def blocks_of(parts: Parts) -> list[Block]:
    """Return the blocks of a page in order."""
    return [
        Block(number, place, piece, place == 0 and piece == part["section"])
        for number, part in enumerate(parts)
        if part["text"] is not None
        for place, piece in enumerate(_BORDER.split(part["text"]))
        if place % 2 == 0 and piece.strip()
    ]


def block_hash(text: str) -> int:
    """Return 64 bits of a block, whatever its white space."""
    return int.from_bytes(hashlib.blake2b(" ".join(text.split()).encode(), digest_size=8).digest(), "big")


def block_hashes(parts: Parts) -> Hashes:
    """Return the hashes of the distinct blocks of a page that are no headings, ascending, uint64."""
    found = {block_hash(block.text) for block in blocks_of(parts) if not block.heading}
    return np.fromiter(sorted(found), np.uint64, len(found))


def frequent_blocks(hashes: Hashes, keys: Hashes, share: float, pages: int) -> list[tuple[int, int, list[int]]]:
    """Return each block on many pages, the number of these, and the places of up to four of them that are compared.

    Many are more than ``max(5, share * pages)``.

    :param hashes: Each distinct block of each page by hash, ascending; all of a block are there.
    :param keys: Keys by which pages are drawn, the smallest first.
    :param share: ``prefilter.common``.
    :param pages: Number of all pages.
    """
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else np.zeros(0, int)
    counts = np.diff(np.append(starts, len(hashes)))
    found = []
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        if count > max(MIN_PAGES, share * pages):
            drawn = np.argsort(keys[start : start + count], kind="stable")[:_SAMPLE] + start
            found.append((int(hashes[start]), count, drawn.tolist()))
    return found


def common_among(
    frequent: Mapping[int, tuple[int, Sequence[Place]]], read: Callable[[int, Sequence[int]], Sequence[Parts]]
) -> dict[int, int]:
    """Return the number of pages by block hash, of the frequent blocks whose pages differ in the rest.

    Of each block up to four pages are compared without it: where they are similar, they are versions of one page, as of
    the manuals of eight releases, and the block stays. Holds the shingles of the pages that are compared.

    :param frequent: Pages of each block by its hash, and those that are compared, as (shard, row).
    :param read: Gives the parts of the pages of a shard in some of its rows.
    """
    wanted: dict[int, set[int]] = {}
    for shard, row in (place for _, sample in frequent.values() for place in sample):
        wanted.setdefault(shard, set()).add(row)
    thinned = _THINNED if sum(map(len, wanted.values())) > _MANY else 1
    shingles: dict[Place, dict[int, Hashes]] = {}
    for shard, rows in wanted.items():
        for row, parts in zip(sorted(rows), read(shard, sorted(rows)), strict=True):
            shingles[shard, row] = {block_hash(block.text): _hashed(block.text, thinned) for block in blocks_of(parts)}
    return {
        block: count
        for block, (count, sample) in sorted(frequent.items())
        if _similarity(block, [shingles[place] for place in sample]) < _ALIKE
    }


def _hashed(text: str, thinned: int) -> Hashes:
    found = words(text)
    runs = (" ".join(found[start : start + _SHINGLE]) for start in range(max(1, len(found) - _SHINGLE + 1)))
    hashed = {zlib.crc32(run.encode()) for run in runs}
    return np.array(sorted(value for value in hashed if value % thinned == 0), np.uint64)


def _similarity(block: int, pages: list[dict[int, Hashes]]) -> float:
    """Mean Jaccard similarity of the pages without the block; 1 for pages with nothing else."""
    rests = [_union(shingles for other, shingles in page.items() if other != block) for page in pages]
    pairs = [
        len(np.intersect1d(one, two, assume_unique=True)) / max(len(np.union1d(one, two)), 1)
        if len(one) or len(two)
        else 1.0
        for one, two in combinations(rests, 2)
    ]
    return sum(pairs) / len(pairs)


def _union(arrays: Iterable[Hashes]) -> Hashes:
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *arrays]))


def dropped_blocks(parts: Parts, common: Mapping[int, int], keep: Sequence[re.Pattern[str]]) -> list[int]:
    """Return the ordinals of a page's blocks that go.

    A short block between others that stay is not a menu and is kept; a heading is dropped with everything under it.
    """
    blocks = blocks_of(parts)
    goes = [
        not block.heading and block_hash(block.text) in common and not any(one.search(block.text) for one in keep)
        for block in blocks
    ]
    for start, end in _runs(goes):
        inside = start > 0 and end < len(blocks)
        if inside and sum(len(block.text) for block in blocks[start:end]) < _SHORT:
            goes[start:end] = [False] * (end - start)
    for ordinal, block in enumerate(blocks):
        if block.heading and ordinal + 1 < len(blocks):
            under = [goes[other] for other in range(ordinal + 1, len(blocks)) if blocks[other].part == block.part]
            goes[ordinal] = bool(under) and all(under)
    return [ordinal for ordinal, one in enumerate(goes) if one]


def _runs(flags: list[bool]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of true flags."""
    start = None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield start, place
            start = None


def without_blocks(parts: Parts, ordinals: Iterable[int]) -> tuple[Parts, int]:
    """Return the parts without the blocks of these ordinals, and the number of characters that went."""
    dropped = set(ordinals)
    pieces = {number: _BORDER.split(part["text"]) for number, part in enumerate(parts) if part["text"] is not None}
    characters = 0
    for ordinal, block in enumerate(blocks_of(parts)):
        if ordinal in dropped:
            characters += len(block.text)
            pieces[block.part][block.piece] = ""
    left = []
    for number, part in enumerate(parts):
        text = _joined(pieces[number]) if number in pieces else None
        if text or part["image"] is not None:
            left.append({**part, "text": text})
    return left, characters


def _joined(pieces: list[str]) -> str:
    """Join pieces and the borders between them, without the borders around empty pieces."""
    text, border = "", ""
    for place in range(0, len(pieces), 2):
        if pieces[place]:
            text += (border if text else "") + pieces[place]
            border = ""
        if place + 1 < len(pieces):
            border = max(border, pieces[place + 1], key=len)
    return text
