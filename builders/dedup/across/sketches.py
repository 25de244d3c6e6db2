"""Files of documents as the exact search sees them: shingle sets on disk, and in how many sets a shingle may occur."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nyxqa.builders.dedup.compiled import prepare
from nyxqa.builders.dedup.inputs import documents as batches_of
from nyxqa.builders.dedup.shingle_store import SetStore, append_sets
from nyxqa.builders.dedup.sketch import sketch_texts
from nyxqa.builders.dedup.word_hashes import I64, U64
from nyxqa.builders.engine.accounting import Account, ShardOutput
from nyxqa.builders.engine.part_files import file_groups
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.schemas.content import PLACEHOLDER
from nyxqa.schemas.files import replacing

GROUP_DOCUMENTS = 1 << 12  # of a group, about
_WORD_BYTES = 6  # of text, of which the number of buckets follows
_LEAST_BITS, _MOST_BITS = 12, 26  # of the number of a bucket; two bytes each
_RANGE_BITS = 22  # of the buckets that one task counts
_MOST = 65_535  # sets of a bucket; beyond it all are equally frequent

# A document: the size of its shingle set, a key that equal sets share, and its distinct perceptual hashes.
SKETCH = pa.schema([("size", pa.int64()), ("same", pa.uint64()), ("phashes", pa.list_(pa.int64()))])
_COUNTS = pa.schema([("range", pa.int32())])

G = TypeVar("G")


@dataclass(frozen=True)
class Documents(Generic[G]):
    """Documents to be sketched, in groups that each are a task.

    :param groups: The groups, known when the step runs.
    :param text_bytes: About how much text they hold.
    :param read: Reads a group piece by piece: ``text`` and ``phashes``, list<int64>; picklable.
    """

    groups: Callable[[], Sequence[G]]
    text_bytes: Callable[[], int]
    read: Callable[[G], Iterable[pa.Table]]

    def bits(self) -> int:
        """Of the number of a bucket: so many that few shingles of one set alone share one with others."""
        buckets = 4 * self.text_bytes() // _WORD_BYTES
        return min(_MOST_BITS, max(_LEAST_BITS, buckets.bit_length()))


@dataclass(frozen=True)
class SketchTask(Generic[G]):
    """A group to be sketched.

    :param shard: Number of the sketch.
    :param bits: Of the number of a bucket.
    :param text_bytes: About how much text all groups hold.
    """

    shard: int
    group: G
    bits: int
    text_bytes: int


@dataclass(frozen=True)
class Sketches:
    """The sketches of all files of documents.

    :param given: A file of SKETCH for each group, beside it the shingle sets.
    :param counts: In how many sets the shingles of each bucket occur.
    """

    given: StepOutput
    counts: StepOutput


def sketched(run: Run, step: Step, documents: Documents[G], shingle: int) -> Sketches:
    """Run (or plan) the steps ``NAME/sketch`` and ``NAME/counts``.

    :param step: Name, version, parameters and inputs of the first step; its name ends in ``sketch``.
    :param shingle: Words of a shingle.
    """
    make = partial(sketch_group, run.folder(step), documents.read, shingle)
    given = run.map(step, make, partial(_tasks, documents), SKETCH)
    name = step.name.removesuffix("sketch") + "counts"
    after = Step(name, step.version, {}, (given.fingerprint,))
    counts = run.map(after, partial(_count_range, run.folder(after)), partial(_ranges, given, documents), _COUNTS)
    return Sketches(given, counts)


def _tasks(documents: Documents[G]) -> Iterator[SketchTask[G]]:
    size, bits = documents.text_bytes(), documents.bits()
    for shard, group in enumerate(documents.groups()):
        yield SketchTask(shard, group, bits, size)


def document_groups(files: Sequence[Path]) -> list[list[Path]]:
    """Part files that are read together, because one alone would be a small task."""
    return list(file_groups(files, GROUP_DOCUMENTS))


def sketch_group(
    folder: Path, read: Callable[[G], Iterable[pa.Table]], shingle: int, task: SketchTask[G]
) -> ShardOutput:
    """Sketch a group; its sets go into ``folder``, with the sorted buckets of their shingles."""
    prepare(task.text_bytes)
    mask = np.uint64((1 << task.bits) - 1)
    sizes, same, buckets = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], [np.zeros(0, np.uint32)]
    phashes: list[pa.ChunkedArray] = []
    with replacing(sets_file(folder, task.shard)) as temporary, temporary.open("wb") as stream:
        for batch in _batches(read(task.group), phashes):
            sketch = sketch_texts(batch.column("text"), shingle, None)
            sets = sketch.sets
            append_sets(stream, sets.values)
            sizes.append(sets.sizes)
            same.append(sketch.set_keys[0])
            buckets.append((sets.values & mask).astype(np.uint32))
    ordered = np.concatenate(buckets)
    ordered.sort()
    with replacing(_buckets_file(folder, task.shard)) as temporary:
        ordered.tofile(temporary)
    hashes = pa.chunked_array([chunk for one in phashes for chunk in one.chunks], SKETCH.field("phashes").type)
    columns = {"size": np.concatenate(sizes), "same": np.concatenate(same), "phashes": hashes}
    return ShardOutput(pa.table(columns, schema=SKETCH), Account())


def _batches(tables: Iterable[pa.Table], phashes: list[pa.ChunkedArray]) -> Iterator[pa.RecordBatch]:
    """The texts in batches, without placeholders, which are not words; their hashes go to ``phashes``."""
    for table in tables:
        phashes.append(table["phashes"])
        words = pc.replace_substring(table["text"], PLACEHOLDER, " ")
        yield from batches_of(pa.table({"text": words}), ["text"], "text")


def sets_file(folder: Path, shard: int) -> Path:
    """The shingle sets of a sketch."""
    return folder / f"sets-{shard:06d}.bin"


def _buckets_file(folder: Path, shard: int) -> Path:
    return folder / f"buckets-{shard:06d}.bin"


def _counts_file(folder: Path, number: int) -> Path:
    return folder / f"counts-{number:06d}.bin"


def _ranges(given: StepOutput, documents: Documents[G]) -> Iterator[tuple[int, int, list[Path]]]:
    bits = documents.bits()
    found = [_buckets_file(given.folder, shard) for shard in range(len(given.files()))]
    for number in range(1 << max(0, bits - _RANGE_BITS)):
        yield number, bits, found


def _count_range(folder: Path, task: tuple[int, int, list[Path]]) -> ShardOutput:
    """Count the buckets of one range in the sets of all files."""
    number, bits, files = task
    width = 1 << min(bits, _RANGE_BITS)
    counts = np.zeros(width, np.uint32)
    for file in files:
        if file.stat().st_size:
            own = np.memmap(file, np.uint32, "r")
            start, end = np.searchsorted(own, [number * width, (number + 1) * width - 1]).tolist()
            end += int(np.searchsorted(own[end:], (number + 1) * width - 1, side="right"))
            np.add.at(counts, own[start:end] - np.uint32(number * width), np.uint32(1))
    with replacing(_counts_file(folder, number)) as temporary:
        np.minimum(counts, _MOST).astype(np.uint16).tofile(temporary)
    return ShardOutput(pa.table([[number]], schema=_COUNTS), Account())


class SketchedFile:
    """One sketch.

    :param sets: Its shingle sets, by the row of the document.
    """

    def __init__(self, sketches: Sketches, shard: int) -> None:
        table = pq.read_table(sketches.given.files()[shard])
        self.sizes: I64 = table["size"].to_numpy()
        self.same: U64 = table["same"].to_numpy()
        self.phashes: pa.ListArray = table["phashes"].combine_chunks()
        starts = np.cumsum(self.sizes) - self.sizes
        self.sets = SetStore(sets_file(sketches.given.folder, shard), starts, self.sizes)
        self._counts = [
            np.memmap(_counts_file(sketches.counts.folder, number), np.uint16, "r")
            for number in range(len(sketches.counts.files()))
        ]

    def frequencies(self, hashes: U64) -> I64:
        """In how many sets each shingle occurs, with what shares its bucket; at most 65,535."""
        width = len(self._counts[0])
        buckets = (hashes & np.uint64(width * len(self._counts) - 1)).astype(np.int64)
        found = np.zeros(len(hashes), np.int64)
        for number, counts in enumerate(self._counts):
            own = np.flatnonzero(buckets // width == number)
            found[own] = counts[buckets[own] - number * width]
        return found
