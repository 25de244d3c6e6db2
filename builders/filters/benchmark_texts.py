"""The texts of a benchmark as arrays on disk: their words, and the hashes of their runs of words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from nyxqa.builders.dedup.shingles import run_hashes, run_starts
from nyxqa.builders.dedup.word_hashes import I64, word_hashes
from nyxqa.builders.engine.database import append, arrow_batches
from nyxqa.schemas.words import words

if TYPE_CHECKING:
    import duckdb

RUN = 13  # words in a row that make an overlap (GPT-3, arXiv 2005.14165, appendix C)
SHORTEST = 5  # words of the shortest item that is looked for inside a text; a shorter one must be the whole question
WORDS, STARTS, OWNERS, HASHES, PLACES = "words.bin", "starts.bin", "owners.bin", "hashes.bin", "places.bin"
_BATCH_CHARACTERS = 1 << 20  # the arrays made from a batch take some 60 times as much memory
_PLACEHOLDER = re.compile(r"<\|?image(?:[_ ]?\d+)?\|?>")


def without_placeholders(text: str) -> str:
    """``text`` without the placeholders of images, which are not words of it."""
    return _PLACEHOLDER.sub(" ", text)


class TextWriter:
    """Writes texts as lines of words, and the hash and start of each of their runs.

    ``WORDS`` holds the words in UTF-8, one text a line; ``STARTS`` (int64) the byte at which each text starts and
    ``OWNERS`` (int64) its item; ``HASHES`` (uint64, ascending) the distinct runs and ``PLACES`` (int64) the byte at
    which each first occurs.

    :param db: Database for the runs while they are collected.
    :param folder: Where the arrays are written.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._db = db
        self._folder = folder
        db.execute("CREATE TABLE gram (hash UBIGINT, place BIGINT, length INTEGER)")
        self._files: dict[str, BinaryIO] = {name: (folder / name).open("wb") for name in (WORDS, STARTS, OWNERS)}
        self._waiting: list[tuple[int, str]] = []
        self._characters = 0
        self._end = 0
        self.texts = 0

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, number: int, texts: Sequence[str], has_images: bool) -> None:
        """Add the texts of an item; beside an image, texts too short to be a question without it are skipped."""
        for text in texts:
            plain = without_placeholders(text)
            if has_images and len(words(plain)) < SHORTEST:
                continue
            self._waiting.append((number, plain))
            self._characters += len(plain)
            if self._characters >= _BATCH_CHARACTERS:
                self.flush()

    def flush(self) -> None:
        """Write the waiting texts."""
        texts = [text for _, text in self._waiting]
        hashes, counts = word_hashes(texts)
        places = self._write_words(texts, counts)
        firsts = np.cumsum(counts) - counts
        has_words = counts > 0
        np.array([number for number, _ in self._waiting], np.int64)[has_words].tofile(self._files[OWNERS])
        places[firsts[has_words]].tofile(self._files[STARTS])
        for length in range(1, RUN + 1):
            starts = run_starts(counts, RUN) if length == RUN else firsts[counts == length]
            rows = {"hash": run_hashes(hashes, starts, length), "place": places[starts]}
            if len(starts):
                append(self._db, "gram", pa.table({**rows, "length": np.full(len(starts), length, np.int32)}))
        self.texts += int(has_words.sum())
        self._waiting, self._characters = [], 0

    def _write_words(self, texts: Sequence[str], counts: I64) -> I64:
        """Append a line for each text that has words; returns the byte at which each word starts, int64."""
        sizes = np.zeros(int(counts.sum()), np.int64)
        first = 0
        for text, count in zip(texts, counts.tolist(), strict=True):
            if count:
                encoded = [word.encode("utf-8", "surrogatepass") for word in words(text)]
                self._files[WORDS].write(b" ".join(encoded) + b"\n")
                sizes[first : first + count] = [len(word) + 1 for word in encoded]
                first += count
        ends = self._end + np.cumsum(sizes)
        self._end = int(ends[-1]) if len(ends) else self._end
        return np.asarray(ends - sizes, np.int64)

    def finish(self) -> list[int]:
        """Write the runs in order of their hashes; returns the numbers of words that runs have, ascending."""
        self.flush()
        query = "SELECT hash, min(place) AS place FROM gram GROUP BY hash ORDER BY hash"
        with (self._folder / HASHES).open("wb") as hashes, (self._folder / PLACES).open("wb") as places:
            for batch in arrow_batches(self._db, query, 1 << 16):
                batch.column("hash").to_numpy().tofile(hashes)
                batch.column("place").to_numpy().tofile(places)
        lengths = self._db.execute("SELECT DISTINCT length FROM gram ORDER BY length").fetchall()
        return [length for (length,) in lengths]
