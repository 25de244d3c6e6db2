"""``bm25``: lexical search over text and captions, without a model."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nyxqa.retriever.index.stored_ids import StoredIds, write_ids
from nyxqa.retriever.protocols import Hits, SearchEntry
from nyxqa.schemas.content import plain_text
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.words import words

# A larger index takes too much time and memory in one process (about 6 GB at this size, measured with passages of
# 80 words); a dense encoder works shard by shard.
MAX_ENTRIES = 2_000_000

# Robertson and Zaragoza 2009 give 1.2 < k1 < 2 and 0.5 < b < 0.8 as good in many circumstances; Lucene's idf is
# always above 0, so that no shared word counts against an entry.
K1 = 1.5
B = 0.75
_METHOD = "lucene"
_VERSION = 1
_PARAMETERS = "params.index.json"


class Bm25Encoder:
    """Encoder ``bm25``: an entry is the bag of the words of its text and captions."""

    name = "bm25"
    fingerprint = f"bm25/{_VERSION}/{_METHOD}/k1={K1}/b={B}"
    needs_images = False

    def build(self, entries: Iterable[SearchEntry], folder: Path) -> None:
        """Write the index of ``entries`` into the empty ``folder``.

        :raises WorldError: If there are more than ``MAX_ENTRIES`` entries.
        """
        from bm25s import BM25

        vocabulary: dict[str, int] = {}
        documents: list[array[int]] = []
        write_ids(_read(entries, vocabulary, documents), folder)
        if vocabulary:
            index = BM25(k1=K1, b=B, method=_METHOD)
            index.index((documents, vocabulary), create_empty_token=False, show_progress=False)
            index.save(folder, show_progress=False)

    def open(self, folder: Path) -> Bm25Index:
        """The index in ``folder``, memory-mapped."""
        return Bm25Index(folder)


def _read(entries: Iterable[SearchEntry], vocabulary: dict[str, int], documents: list[array[int]]) -> Iterator[str]:
    """Ids of ``entries``, appending their word ids to ``documents``; a word's id is its order of occurrence."""
    for entry in entries:
        if len(documents) == MAX_ENTRIES:
            raise WorldError(
                f"encoder bm25 holds at most {MAX_ENTRIES:,} entries, and the pool has more; "
                "use a dense encoder, which works shard by shard: e5:MODEL (for example e5:intfloat/e5-base-v2)"
            )
        documents.append(array("i", (vocabulary.setdefault(word, len(vocabulary)) for word in _words(entry))))
        yield entry.id


def _words(entry: SearchEntry) -> list[str]:
    found = words(plain_text(entry.text))
    for caption in entry.captions:
        found.extend(words(caption))
    return found


class Bm25Index:
    """Entries searchable by words. An entry that shares no word with a query is not a hit.

    :param folder: Where ``Bm25Encoder.build`` put the index.
    """

    def __init__(self, folder: Path) -> None:
        self.ids = StoredIds(folder)
        self._vocabulary: dict[str, int] = {}
        if (folder / _PARAMETERS).exists():
            from bm25s import BM25

            stored = BM25.load(folder, mmap=True)
            self._vocabulary = stored.vocab_dict
            self._starts = np.asarray(stored.scores["indptr"])
            self._rows = stored.scores["indices"]
            self._weights = stored.scores["data"]

    def search(self, queries: Sequence[SearchEntry], k: int) -> Hits:
        """The ``k`` best entries of each query; equal scores are ordered by id."""
        hits = Hits(np.full((len(queries), k), -1, dtype=np.int64), np.full((len(queries), k), -np.inf))
        totals = np.zeros(len(self.ids))
        for number, query in enumerate(queries):
            rows = self._score(query, totals)
            best = _best(totals[rows], self.ids.order[rows], k)
            hits.rows[number, : len(best)] = rows[best]
            hits.scores[number, : len(best)] = totals[rows[best]]
            totals[rows] = 0
        return hits

    def _score(self, query: SearchEntry, totals: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Add the query's scores to ``totals`` (all 0) and return the rows with a score."""
        for word in _words(query):
            number = self._vocabulary.get(word)
            if number is not None:
                piece = slice(self._starts[number], self._starts[number + 1])
                # A word lists each row once, so indexed addition is exact.
                totals[self._rows[piece]] += self._weights[piece]
        return np.flatnonzero(totals)


def _best(scores: npt.NDArray[np.float64], order: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Positions of the ``k`` highest scores, highest first; ties are broken by ``order``, also at rank ``k``."""
    near = np.arange(len(scores))
    if 0 < k < len(scores):
        near = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    best: npt.NDArray[np.int64] = near[np.lexsort((order[near], -scores[near]))]
    return best[:k]
