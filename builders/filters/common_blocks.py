"""Blocks of text that many pages of a source share, such as menus, banners and cookie notes."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from nyxqa.builders.dedup.settings import MIN_PAGES
from nyxqa.schemas.words import words

Parts = list[dict[str, Any]]
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


def common_blocks(files: Sequence[Path], share: float) -> dict[int, int]:
    """Return the number of pages by block hash, of the blocks on many pages that differ in the rest.

    Many are more than ``max(5, share * pages)``. Of each such block up to four pages are compared without it: where
    they are similar, they are versions of one page, as of the manuals of eight releases, and the block stays. Holds 16
    bytes for each block of each page, and the shingles of the pages that are compared.

    :param files: Part files of pages, rows of SOURCE_PAGES.
    :param share: ``prefilter.common``.
    """
    hashes, pages, keys = _seen(files)
    values, number, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    frequent = counts > max(MIN_PAGES, share * len(keys))
    place = np.flatnonzero(frequent[number])
    order = place[np.lexsort((keys[pages[place]], number[place]))]
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    compared = {int(number[order[start]]): pages[order[start : start + _SAMPLE]].tolist() for start in starts}
    wanted = {page for sample in compared.values() for page in sample}
    shingles = dict(_shingles(files, wanted, _THINNED if len(wanted) > _MANY else 1))
    return {
        int(values[block]): int(counts[block])
        for block, sample in compared.items()
        if _similarity(int(values[block]), [shingles[page] for page in sample]) < _ALIKE
    }


def _seen(files: Sequence[Path]) -> tuple[Hashes, np.ndarray[Any, np.dtype[np.int64]], Hashes]:
    """Each distinct block of each page by hash, the page of each, and a key by which pages are drawn."""
    hashes: list[Hashes] = [np.zeros(0, np.uint64)]
    lengths: list[int] = []
    keys: list[int] = []
    for file in files:
        for page_id, parts in _pages(file):
            keys.append(int(page_id[:16], 16))
            found = {block_hash(block.text) for block in blocks_of(parts) if not block.heading}
            hashes.append(np.fromiter(sorted(found), np.uint64, len(found)))
            lengths.append(len(found))
    return np.concatenate(hashes), np.repeat(np.arange(len(keys)), lengths), np.array(keys, np.uint64)


def _shingles(files: Sequence[Path], wanted: set[int], thinned: int) -> Iterator[tuple[int, dict[int, Hashes]]]:
    """Number of each wanted page with the hashes of its shingles by block."""
    number = 0
    for file in files:
        for _, parts in _pages(file):
            if number in wanted:
                yield number, {block_hash(block.text): _hashed(block.text, thinned) for block in blocks_of(parts)}
            number += 1


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


def _pages(file: Path) -> Iterator[tuple[str, Parts]]:
    for batch in pq.ParquetFile(file).iter_batches(columns=["page_id", "parts"]):
        yield from zip(batch["page_id"].to_pylist(), batch["parts"].to_pylist(), strict=True)


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
