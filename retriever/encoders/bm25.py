"""``bm25``: lexical search over text and captions, without a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.index.postings import PostingsFile, ShardedIds, write_postings
from nyxqa.retriever.protocols import Hits, SearchEntry
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.files import read_json, write_json
from nyxqa.schemas.words import words

# Entries of a shard, whatever their number: memory is bounded by one shard, while it is written and while it is read.
SHARD_ENTRIES = 8192

# Robertson and Zaragoza 2009 give 1.2 < k1 < 2 and 0.5 < b < 0.8 as good in many circumstances; Lucene's idf is
# always above 0, so that no shared word counts against an entry.
K1 = 1.5
B = 0.75
_METHOD = "lucene"
_VERSION = 1  # of the scores
_SHARDS = "bm25.json"

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class Bm25Encoder:
    """Encoder ``bm25``: an entry is the bag of the words of its text and captions."""

    name = "bm25"
    fingerprint = f"bm25/{_VERSION}/{_METHOD}/k1={K1}/b={B}"
    needs_images = False

    def build(self, entries: Iterable[SearchEntry], folder: Path) -> None:
        """Write the index of ``entries`` into the empty ``folder``."""
        remaining = iter(entries)
        for shard in count():
            if not (group := list(islice(remaining, SHARD_ENTRIES))):
                break
            self.build_shard(group, folder, shard)
        write_json(folder / _SHARDS, {"shards": shard})

    def build_shard(self, entries: Sequence[SearchEntry], folder: Path, shard: int) -> None:
        """Write one shard of an index: the words of ``entries``, which needs nothing of the other shards."""
        write_postings(shard_file(folder, shard), [entry.id for entry in entries], map(_words, entries))

    def open(self, folder: Path) -> Bm25Index:
        """The index in ``folder``, memory-mapped.

        :raises FormatError: If ``build`` did not fill the folder.
        """
        if not (folder / _SHARDS).exists():
            raise FormatError(f"{folder} holds no index of bm25 that this version reads; build it again")
        return Bm25Index(folder, read_json(folder / _SHARDS)["shards"])


def postings_in(folder: Path) -> list[PostingsFile] | None:
    """The shards of an index of words, in order; None for a folder that holds no such index."""
    if not (folder / _SHARDS).exists():
        return None
    return [PostingsFile(shard_file(folder, shard)) for shard in range(read_json(folder / _SHARDS)["shards"])]


def shard_file(folder: Path, shard: int) -> Path:
    """File of one shard of an index."""
    return folder / f"bm25-{shard:06d}.arrow"


def _words(entry: SearchEntry) -> list[str]:
    found = words(plain_text(entry.text))
    for caption in entry.captions:
        found.extend(words(caption))
    return found


class Bm25Index:
    """Entries searchable by words. An entry that shares no word with a query is not a hit.

    Scores depend on all entries through three integers alone (their number, their words, and how many of them have a
    word), which are summed over the shards: however entries are cut into shards, the hits are equal to the bit.

    :param folder: Where ``Bm25Encoder`` put the index.
    :param shards: Number of its shards.
    """

    def __init__(self, folder: Path, shards: int) -> None:
        self._shards = [PostingsFile(shard_file(folder, shard)) for shard in range(shards)]
        self.ids = ShardedIds(self._shards)
        self._words = sum(shard.words for shard in self._shards)

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query; equal scores are ordered by id."""
        hits = Hits(np.full((len(queries), k), -1, dtype=np.int64), np.full((len(queries), k), -np.inf))
        asked = [_words(query) for query in queries]
        numbers = {word: number for number, word in enumerate(dict.fromkeys(word for one in asked for word in one))}
        places = [shard.places(list(numbers)) for shard in self._shards]
        frequencies = np.zeros(len(numbers), np.int64)
        for shard, own in zip(self._shards, places, strict=True):
            frequencies += shard.frequencies(own)
        idf = self._idf(frequencies)
        best: list[list[tuple[I64, F64]]] = [[] for _ in queries]
        first = 0
        for shard, own in zip(self._shards, places, strict=True):
            weights: dict[int, tuple[I64, F32]] = {}
            totals = np.zeros(len(shard))
            for number, query in enumerate(asked):
                rows = self._score(shard, [numbers[word] for word in query], own, idf, weights, totals)
                near = _best(totals[rows], shard.order[rows], k)
                best[number].append((rows[near] + first, totals[rows[near]]))
                totals[rows] = 0
            first += len(shard)
        for number, found in enumerate(best):
            rows, scores = self._merged(found, k)
            hits.rows[number, : len(rows)], hits.scores[number, : len(rows)] = rows, scores
        return hits

    def _idf(self, frequencies: I64) -> F32:
        """Lucene's inverse document frequency of each word, by the number of entries that have it."""
        entries = len(self.ids)
        return np.array([math.log(1 + (entries - df + 0.5) / (df + 0.5)) for df in frequencies.tolist()], np.float32)

    def _score(
        self,
        shard: PostingsFile,
        query: list[int],
        places: I64,
        idf: F32,
        weights: dict[int, tuple[I64, F32]],
        totals: F64,
    ) -> I64:
        """Add the query's scores to ``totals`` (all 0) and return the rows with a score.

        :param weights: Rows and weights of the words that were looked up in this shard before.
        """
        for word in query:
            if places[word] >= 0:
                if word not in weights:
                    weights[word] = self._weights(shard, int(places[word]), idf[word])
                rows, weight = weights[word]
                totals[rows] += weight  # a word lists each row once, so indexed addition is exact
        return np.flatnonzero(totals)

    def _weights(self, shard: PostingsFile, place: int, idf: np.float32) -> tuple[I64, F32]:
        rows, counts = shard.postings(place)
        mean = self._words / len(self.ids)
        frequency = counts / (K1 * ((1 - B) + B * shard.lengths[rows] / mean) + counts)
        return rows, (idf * frequency).astype(np.float32)

    def _merged(self, found: list[tuple[I64, F64]], k: int) -> tuple[I64, F64]:
        """The ``k`` best of the best of each shard."""
        rows = np.concatenate([rows for rows, _ in found] or [np.empty(0, np.int64)])
        scores = np.concatenate([scores for _, scores in found] or [np.empty(0)])
        near = _near(scores, k)
        if len(found) > 1:
            ids = np.array([self.ids[row] for row in rows[near].tolist()], dtype=object)
            near = near[sorted(range(len(near)), key=lambda one: (-scores[near[one]], ids[one], rows[near[one]]))]
        return rows[near][:k], scores[near][:k]


def _near(scores: F64, k: int) -> I64:
    """Positions of the ``k`` highest scores, and of those equal to the last of them."""
    if 0 < k < len(scores):
        return np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return np.arange(len(scores))


def _best(scores: F64, order: npt.NDArray[np.int32], k: int) -> I64:
    """Positions of the ``k`` highest scores, highest first; ties are broken by ``order``, also at rank ``k``."""
    near = _near(scores, k)
    best: I64 = near[np.lexsort((order[near], -scores[near]))]
    return best[:k]
