"""What documents have to meet by: a row for each shingle of a prefix, and for each block of a perceptual hash."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.across.sketches import SketchedFile
from nyxqa.builders.dedup.shingles import HASH_BITS
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.word_hashes import I64, U64, mix
from nyxqa.builders.engine.exchange import KEY

_SHINGLES = 1 << 20  # looked at once
_SHARD_BITS = 32

# Rows meet in equal keys: a row of a prefix (PREFIX) with one of a short prefix (SHORT), and a block of a hash as it is
# (BLOCK) with one of which at most one bit is turned (TURNED). ``value`` is the size of the set, or the hash.
PREFIX, SHORT, BLOCK, TURNED = range(4)
MEETING = pa.schema(
    [
        (KEY, pa.uint64()),
        ("kind", pa.int8()),
        ("doc", pa.int64()),
        ("side", pa.int64()),
        ("value", pa.uint64()),
        ("start", pa.int64()),  # of the set in its file
        ("same", pa.uint64()),
    ]
)


def doc_numbers(shard: int, rows: I64) -> I64:
    """Numbers of documents, in the order of their files and rows."""
    return (np.int64(shard) << _SHARD_BITS) | rows


def doc_places(docs: I64) -> tuple[I64, I64]:
    """Shards and rows of documents."""
    return docs >> _SHARD_BITS, docs & ((1 << _SHARD_BITS) - 1)


def meeting_rows(file: SketchedFile, shard: int, sides: I64, threshold: Threshold, distance: int) -> pa.Table:
    """Rows of MEETING of the documents of one file.

    :param sides: The side of each document, int64; documents of one side are not compared.
    :param distance: Bits in which the hashes of near-identical images may differ.
    """
    texts = _text_rows(file, threshold)
    images = _image_rows(file.phashes, distance)
    tables = []
    for keys, kinds, rows, values, starts, same in (*texts, images):
        columns = {KEY: keys, "kind": kinds, "doc": doc_numbers(shard, rows), "side": sides[rows]}
        tables.append(pa.table({**columns, "value": values, "start": starts, "same": same}, schema=MEETING))
    return pa.concat_tables(tables)


def _text_rows(file: SketchedFile, threshold: Threshold) -> list[tuple[U64, I64, I64, U64, I64, U64]]:
    """The shingles of each text that every near-duplicate meets.

    If two sets share at least ``threshold`` of the larger, then in any common order the first
    ``n - ceil(threshold * n) + 1`` shingles of both have one in common, and of the smaller set a shorter prefix is
    enough. The order used here goes from rare to frequent. It starts with shingles of one set alone, which match
    nothing and need no row, so few texts have any.
    """
    found = []
    for owners, mapped in file.sets.slices(np.flatnonzero(file.sizes), _SHINGLES):
        hashes = np.asarray(mapped)
        seen = file.frequencies(hashes)
        kept = seen > 1
        owners, hashes, seen = owners[kept], hashes[kept], seen[kept]
        shared = np.bincount(owners, minlength=len(file.sizes))
        whole, short = threshold.prefix_lengths(shared, file.sizes)
        kept = whole[owners] > 0
        owners, hashes, seen = owners[kept], hashes[kept], seen[kept]
        order = np.lexsort((hashes, seen, owners))
        owners, hashes = owners[order], hashes[order]
        places = np.arange(len(owners)) - np.searchsorted(owners, owners)
        kept = places < whole[owners]
        owners, hashes, places = owners[kept], hashes[kept], places[kept]
        kinds = np.where(places < short[owners], SHORT, PREFIX)
        keys = hashes << (np.uint64(64) - HASH_BITS)  # spread over all 64 bits
        sizes = file.sizes[owners].astype(np.uint64)
        found.append((keys, kinds, owners, sizes, file.sets.starts[owners], file.same[owners]))
    return found


def _image_rows(phashes: pa.ListArray, distance: int) -> tuple[U64, I64, I64, U64, I64, U64]:
    """Each hash of each document by its blocks.

    The 64 bits are cut into so many blocks that near hashes differ by at most one bit in one of them.
    """
    counts = phashes.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    values = phashes.flatten().to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    rows = np.repeat(np.arange(len(counts)), counts)
    blocks = distance // 2 + 1
    keys, kinds = [np.zeros((len(values), 0), np.uint64)], [np.zeros(0, np.int64)]
    for block, (start, end) in enumerate(pairwise([64 * block // blocks for block in range(blocks + 1)])):
        mask = np.uint64((1 << end) - (1 << start))
        bits = range(start, end) if distance else ()
        turns = np.array([0, *(1 << bit for bit in bits)], np.uint64)
        keys.append(mix(((values & mask)[:, None] ^ turns) + mix(np.full(len(turns), block + 1, np.uint64))))
        kinds.append(np.array([BLOCK, *[TURNED for _ in bits]]))
    columns = np.concatenate(keys, axis=1)
    width = columns.shape[1]
    repeated = np.repeat(values, width)
    nothing = np.zeros(len(repeated), np.int64)
    return (
        columns.reshape(-1),
        np.tile(np.concatenate(kinds), len(values)),
        np.repeat(rows, width),
        repeated,
        nothing,
        (repeated),
    )
