"""Near-duplicate pairs across sides: steps that compare what meets in a range of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nyxqa.builders.dedup.across.prefixes import BLOCK, MEETING, SHORT, doc_places, meeting_rows
from nyxqa.builders.dedup.across.sketches import SketchedFile, Sketches, sets_file
from nyxqa.builders.dedup.shingle_store import count_shared
from nyxqa.builders.dedup.threshold import Threshold, as_threshold
from nyxqa.builders.dedup.word_hashes import I64, U64, ranges_of
from nyxqa.builders.engine.exchange import KEY, Items, exchange
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.schemas.recipe import Dedup

_DOCUMENTS_A_RANGE = 1 << 15
_CANDIDATES = 1 << 20  # pairs looked at once
_PAIRS = 1 << 14  # and compared at once
_ELEMENTS = 1 << 20  # shingles

# A pair ``a < b`` of documents on different sides; ``image`` says whether it shares a near-identical image or a text.
PAIRS = pa.schema([(name, pa.int64()) for name in ("a", "b", "side_a", "side_b")] + [("image", pa.bool_())])

S = TypeVar("S")

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """When documents are near-duplicates.

    :param distance: Bits in which the hashes of near-identical images may differ.
    :param every: Whether all pairs are wanted; if not, only so many that they connect the sides that all pairs connect.
    """

    threshold: Threshold
    distance: int
    every: bool


def near_pairs(
    run: Run,
    step: Step,
    sketches: Sketches,
    sides: Callable[[], Sequence[S]],
    read_sides: Callable[[S], npt.NDArray[np.integer[Any]]],
    settings: Dedup,
    every: bool,
) -> StepOutput:
    """Run (or plan) the steps ``NAME/prefixes`` and ``NAME/near``: all pairs across sides, without exception.

    :param step: Name, version, parameters and inputs of the first step; its name ends in ``prefixes``.
    :param sides: For each sketch what ``read_sides``, which is picklable, makes the side of each document of.
    :returns: Rows of PAIRS; a pair may come several times.
    """
    rule = Rule(as_threshold(settings.threshold), settings.image_distance, every)
    return exchange(
        run,
        Items(partial(len, sketches.given), _DOCUMENTS_A_RANGE),
        (step, partial(_meeting, sketches, rule, read_sides), MEETING),
        partial(_tasks, sides),
        (
            Step(step.name.removesuffix("prefixes") + "near", step.version),
            partial(pairs_of_range, rule, sketches.given.folder),
            PAIRS,
        ),
    )


def _tasks(sides: Callable[[], Sequence[S]]) -> list[tuple[int, S]]:
    return list(enumerate(sides()))


def _meeting(
    sketches: Sketches, rule: Rule, read_sides: Callable[[S], npt.NDArray[np.integer[Any]]], task: tuple[int, S]
) -> pa.Table:
    shard, own = task
    sides = read_sides(own).astype(np.int64)
    return meeting_rows(SketchedFile(sketches, shard), shard, sides, rule.threshold, rule.distance)


def pairs_of_range(rule: Rule, sets: Path, rows: pa.Table, _: int) -> pa.Table:
    """The pairs of one range: rows of MEETING by key, compared.

    :param sets: Folder of the shingle sets.
    """
    kinds = rows["kind"].to_numpy()
    texts = _text_pairs(rule, sets, rows.filter(pa.array(kinds <= SHORT)))
    images = _image_pairs(rule, rows.filter(pa.array(kinds >= BLOCK)))
    return pa.concat_tables([texts, images])


def _text_pairs(rule: Rule, sets: Path, rows: pa.Table) -> pa.Table:
    """The pairs of documents with similar texts."""
    if not rule.every:
        rows = _first_equal(rows)
    keys, kinds, docs, sides, sizes = (rows[name].to_numpy() for name in (KEY, "kind", "doc", "side", "value"))
    sizes = sizes.astype(np.int64)
    rows_a, rows_b = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for left, right in _meetings(keys, sides, kinds == SHORT, kinds <= SHORT):
        smaller = (sizes[left] < sizes[right]) | ((sizes[left] == sizes[right]) & (docs[left] < docs[right]))
        kept = smaller & rule.threshold.sizes_allow(sizes[left], sizes[right])
        left, right = _distinct(docs, left[kept], right[kept])
        rows_a.append(left)
        rows_b.append(right)
    left, right = _distinct(docs, np.concatenate(rows_a), np.concatenate(rows_b))
    similar = _compared(rule.threshold, sets, docs, rows["start"].to_numpy(), sizes, left, right)
    return _pairs(docs, sides, left[similar], right[similar], rule.every, False)


def _image_pairs(rule: Rule, rows: pa.Table) -> pa.Table:
    """The pairs of documents that share a near-identical image."""
    if not rule.every:
        rows = _first_equal(rows)
    keys, kinds, docs, sides, values = (rows[name].to_numpy() for name in (KEY, "kind", "doc", "side", "value"))
    found = [np.zeros((2, 0), np.int64)]
    for left, right in _meetings(keys, sides, kinds >= BLOCK, kinds == BLOCK):
        near = np.bitwise_count(values[left] ^ values[right]) <= rule.distance
        found.append(np.stack(_distinct(docs, left[near], right[near])))
    left, right = np.concatenate(found, axis=1)
    return _pairs(docs, sides, left, right, rule.every, True)


def _first_equal(rows: pa.Table) -> pa.Table:
    """Of rows with one key, kind and side that are of equal sets or hashes the first."""
    keys, kinds, sides, same = (rows[name].to_numpy() for name in (KEY, "kind", "side", "same"))
    order = np.lexsort((same, sides, kinds, keys))
    first = np.ones(len(order), np.bool_)
    first[1:] = False
    for column in (keys, kinds, sides, same):
        ordered = column[order]
        first[1:] |= ordered[1:] != ordered[:-1]
    return rows.take(pa.array(np.sort(order[first])))


def _meetings(keys: U64, sides: I64, lefts: Bools, rights: Bools) -> Iterator[tuple[I64, I64]]:
    """Rows of equal keys and different sides, those of ``lefts`` with those of ``rights``.

    :param keys: Ascending.
    """
    starts = np.flatnonzero(np.r_[len(keys) > 0, keys[1:] != keys[:-1]])
    if not len(starts):
        return
    apart = np.minimum.reduceat(sides, starts) != np.maximum.reduceat(sides, starts)
    sizes = np.diff(np.append(starts, len(keys)))
    own = np.repeat(np.arange(len(starts)), sizes)
    asked = np.flatnonzero(lefts & apart[own])
    ends = np.cumsum(sizes[own[asked]])
    first = 0
    while first < len(asked):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _CANDIDATES, side="right")))
        part = asked[first:last]
        left = np.repeat(part, sizes[own[part]])
        right = ranges_of(starts[own[part]], sizes[own[part]])
        kept = rights[right] & (sides[left] != sides[right])
        yield left[kept], right[kept]
        first = last


def _distinct(docs: I64, left: I64, right: I64) -> tuple[I64, I64]:
    """One of the pairs of rows of each pair of documents, the smaller document first."""
    turned = docs[left] > docs[right]
    left, right = np.where(turned, right, left), np.where(turned, left, right)
    order = np.lexsort((docs[right], docs[left]))
    left, right = left[order], right[order]
    first = np.ones(len(left), np.bool_)
    first[1:] = (docs[left[1:]] != docs[left[:-1]]) | (docs[right[1:]] != docs[right[:-1]])
    return left[first], right[first]


def _compared(threshold: Threshold, sets: Path, docs: I64, starts: I64, sizes: I64, left: I64, right: I64) -> Bools:
    """Whether the texts of each pair of rows are near-duplicates, by all their shingles."""
    similar = np.zeros(len(left), np.bool_)
    ends = np.cumsum(sizes[left] + sizes[right])
    first = 0
    while first < len(left):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _ELEMENTS, side="right")))
        last = min(last, first + _PAIRS)
        rows, places = np.unique(np.concatenate([left[first:last], right[first:last]]), return_inverse=True)
        values, own = _read_sets(sets, docs[rows], starts[rows], sizes[rows]), sizes[rows]
        a, b = np.split(places.reshape(-1), 2)
        shared = count_shared(values, np.cumsum(own) - own, own, a, b)
        similarity = np.asarray(shared / (own[a] + own[b] - shared), np.float64)
        similar[first:last] = threshold.reached(similarity, own[a], own[b])
        first = last
    return similar


def _read_sets(sets: Path, docs: I64, starts: I64, sizes: I64) -> U64:
    """The sets of some documents, one after the other."""
    shards, _ = doc_places(docs)
    values = np.empty(int(sizes.sum()), np.uint64)
    places = np.cumsum(sizes) - sizes
    for shard in np.unique(shards).tolist():
        mapped = np.memmap(sets_file(sets, shard), np.uint64, "r")
        own = np.flatnonzero(shards == shard)
        values[ranges_of(places[own], sizes[own])] = mapped[ranges_of(starts[own], sizes[own])]
    return values


def _pairs(docs: I64, sides: I64, left: I64, right: I64, every: bool, image: bool) -> pa.Table:
    """Rows of PAIRS; only one of each pair of sides unless ``every`` pair is wanted."""
    a, b, side_a, side_b = docs[left], docs[right], sides[left], sides[right]
    if not every and len(a):
        places = np.stack([np.minimum(side_a, side_b), np.maximum(side_a, side_b)], axis=1)
        first = np.sort(np.unique(places, axis=0, return_index=True)[1])
        a, b, side_a, side_b = (column[first] for column in (a, b, side_a, side_b))
    columns = {"a": a, "b": b, "side_a": side_a, "side_b": side_b}
    return pa.table({**columns, "image": np.full(len(a), image)}, schema=PAIRS)
