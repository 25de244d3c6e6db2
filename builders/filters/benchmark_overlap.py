"""Find texts that share a run of words with a benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import DTypeLike, NDArray

from nyxqa.builders.dedup.shingles import run_hashes, run_starts
from nyxqa.builders.dedup.word_hashes import I64, U64, word_hashes
from nyxqa.builders.filters.benchmark_index import COUNTS, NAMES, NAMES_GROUP, titled
from nyxqa.builders.filters.benchmark_texts import (
    HASHES,
    OWNERS,
    PLACES,
    RUN,
    SHORTEST,
    STARTS,
    WORDS,
    without_placeholders,
)
from nyxqa.schemas.files import read_json
from nyxqa.schemas.words import words

_SHOWN_WORDS = 6
_BATCH_CHARACTERS = 1 << 20  # the arrays made from a batch take some 60 times as much memory


@dataclass(frozen=True, slots=True)
class Run:
    """A run of words that a text shares with an item.

    :param item: The item's number.
    :param start: Index of the run's first word in the text.
    """

    item: int
    start: int
    words: tuple[str, ...]


class BenchmarkTexts:
    """The texts of a benchmark's index; the arrays stay on disk.

    :param folder: Output of step ``filter/benchmark``.
    """

    def __init__(self, folder: Path) -> None:
        self._hashes: U64 = _mapped(folder / HASHES, np.uint64)
        self._places: I64 = _mapped(folder / PLACES, np.int64)
        self._words: NDArray[np.uint8] = _mapped(folder / WORDS, np.uint8)
        self._starts: I64 = _mapped(folder / STARTS, np.int64)
        self._owners: I64 = _mapped(folder / OWNERS, np.int64)
        self._lengths: list[int] = read_json(folder / COUNTS)["lengths"]

    def shared_runs(self, texts: Sequence[str], match_short: Sequence[bool]) -> list[Run | None]:
        """For each text the first run of words that it shares with an item, the longest of those that start there.

        A run is ``RUN`` words, or all words of a shorter item if it has at least ``SHORTEST``; an item of fewer words
        must equal the whole text. Equal hashes propose a run; its words are then compared.

        :param match_short: For each text, whether it is compared with items of fewer than ``SHORTEST`` words.
        """
        runs: list[Run | None] = []
        for first, last in _batches(texts):
            batch = [without_placeholders(text) for text in texts[first:last]]
            runs += self._shared_runs(batch, np.array(match_short[first:last], bool))
        return runs

    def _shared_runs(self, texts: Sequence[str], match_short: NDArray[np.bool_]) -> list[Run | None]:
        hashes, counts = word_hashes(texts)
        firsts = np.cumsum(counts) - counts
        proposed = [np.zeros((4, 0), np.int64)]
        for length in self._lengths:
            starts = run_starts(counts, length) if length >= SHORTEST else firsts[(counts == length) & match_short]
            places = self._find(run_hashes(hashes, starts, length))
            starts, places = starts[places >= 0], places[places >= 0]
            owners = np.searchsorted(firsts + counts, starts, side="right")
            proposed.append(np.stack([owners, starts - firsts[owners], np.full(len(starts), -length), places]))
        rows = np.concatenate(proposed, axis=1)
        runs: list[Run | None] = [None] * len(texts)
        cut: dict[int, list[str]] = {}
        for text, start, negative, place in rows[:, np.lexsort(rows[2::-1])].T.tolist():
            if runs[text] is None:
                cut = cut if text in cut else {text: words(texts[text])}
                runs[text] = self._verified(cut[text][start : start - negative], start, place)
        return runs

    def _find(self, hashes: U64) -> I64:
        """The place of each run in the benchmark's words, int64; -1 if no hash is equal."""
        if not len(self._hashes) or not len(hashes):
            return np.full(len(hashes), -1, np.int64)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[at] == hashes, self._places[at], np.int64(-1))

    def _verified(self, run: list[str], start: int, place: int) -> Run | None:
        expected = " ".join(run).encode("utf-8", "surrogatepass")
        stored = self._words[place : place + len(expected) + 1].tobytes()
        if stored[:-1] != expected or stored[-1:] not in (b" ", b"\n"):
            return None
        item = int(self._owners[np.searchsorted(self._starts, place, side="right") - 1])
        return Run(item, start, tuple(run))


class ItemNames:
    """Names of a benchmark's items, read on demand, one row group in memory at a time.

    :param folder: Output of step ``filter/benchmark``.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAMES
        self._groups: dict[int, list[dict[str, Any]]] = {}

    def title(self, item: int) -> str:
        """The file of an item and its id, line or row."""
        group, row = divmod(item, NAMES_GROUP)
        if group not in self._groups:
            self._groups = {group: pq.ParquetFile(self._file).read_row_group(group).to_pylist()}
        return titled(**self._groups[group][row])


def describe(run: Run, names: ItemNames) -> str:
    """Ledger detail on a shared run: its length, the item and the first words of the run."""
    beginning = " ".join(run.words[:_SHOWN_WORDS]) + (" ..." if len(run.words) > _SHOWN_WORDS else "")
    what = f"{RUN} words in a row" if len(run.words) == RUN else f"all {len(run.words)} words"
    return f"{what} of {names.title(run.item)}: {beginning}"


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = size = 0
    for place, text in enumerate(texts):
        if size and size + len(text) > _BATCH_CHARACTERS:
            yield first, place
            first, size = place, 0
        size += len(text)
    if first < len(texts):
        yield first, len(texts)


def _mapped(file: Path, kind: DTypeLike) -> NDArray[Any]:
    return np.memmap(file, kind, "r") if file.stat().st_size else np.zeros(0, kind)
