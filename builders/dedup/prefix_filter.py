"""Near-duplicate texts by an exact method: prefixes of shingles in rarest-first order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nyxqa.builders.dedup.arrow_arrays import arrow_table, numbers
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.lsh_pairs import verify
from nyxqa.builders.dedup.shingle_store import SetStore
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.word_hashes import I64, U64

_SHINGLES = 1 << 20
_PART_SHINGLES = 1 << 22
_LEAST_BITS, _MOST_BITS = 12, 26  # of the table of hashes seen, a byte each, twice
_PREFIX_ROWS = 1 << 20  # rows of the prefix table joined at once, which bounds the candidates kept


def make_prefixes(database: Database, store: SetStore, texts: I64, low: I64, high: I64, threshold: Threshold) -> None:
    """Fill ``prefix(t, hash, size, low, high, short)``: the shingles of each text that every near-duplicate meets.

    If two sets share at least ``threshold`` of the larger, then in any common order the first
    ``n - ceil(threshold * n) + 1`` shingles of both have one in common; and since near-duplicates share at least
    ``threshold / (1 + threshold)`` of both sizes together, a ``short`` prefix of the smaller set is enough. The order
    used here starts with shingles that occur on one side only, which can match nothing, then goes from rare to
    frequent; so few texts are left with candidates.

    :param texts: Texts by their number ``t``, distinct, int64.
    :param low: First side of each text, int64.
    :param high: Last side of each text, int64.
    """
    database.run("CREATE OR REPLACE TEMP TABLE shingle (t BIGINT, hash UBIGINT, low BIGINT, high BIGINT)")
    places = np.zeros(len(store.sizes), np.int64)
    places[texts] = np.arange(len(texts))
    repeated = _Repeated(int(store.sizes[texts].sum()))
    for _, hashes in store.slices(texts, _SHINGLES):
        repeated.add(np.asarray(hashes))
    for owners, hashes in store.slices(texts, _SHINGLES):
        # A shingle of one text alone can match nothing, so it may stand first in the order, and needs no row.
        kept = repeated.has(np.asarray(hashes))
        owners = owners[kept]
        sides = places[owners]
        rows = {"t": owners, "hash": np.asarray(hashes)[kept], "low": low[sides], "high": high[sides]}
        database.append("shingle", arrow_table(rows))
    database.run(
        "CREATE OR REPLACE TEMP TABLE spread AS SELECT hash, count(*) AS texts FROM shingle GROUP BY hash "
        "HAVING min(low) <> max(high)"
    )
    # Joins and a window over all rows need more memory than DuckDB can spill, so they are done part by part.
    parts = max(1, int(store.sizes[texts].sum()) // _PART_SHINGLES)
    database.run("CREATE OR REPLACE TEMP TABLE shared (t BIGINT, hash UBIGINT, low BIGINT, high BIGINT, texts BIGINT)")
    for part in range(parts):
        database.run(
            "INSERT INTO shared SELECT t, hash, low, high, texts FROM shingle JOIN spread USING (hash) "
            f"WHERE hash % {parts} = {part}"
        )
    # ``remaining`` is the part of a prefix after the shingles of one side only, which come first.
    remaining, short = threshold.prefix("shared", "size"), threshold.short_prefix("shared", "size")
    database.run(
        f"CREATE OR REPLACE TEMP TABLE open AS SELECT t, size, {remaining} AS remaining, {short} AS short FROM "
        f"(SELECT t, count(*) AS shared FROM shared GROUP BY t) JOIN text USING (t) WHERE {remaining} > 0"
    )
    for table in ("shingle", "spread"):
        database.run(f"DROP TABLE {table}")
    database.run(
        "CREATE OR REPLACE TABLE prefix (t BIGINT, hash UBIGINT, size BIGINT, low BIGINT, high BIGINT, short BOOLEAN)"
    )
    end = int(texts.max(initial=0)) + 1
    for first, last in pairwise([end * part // parts for part in range(parts + 1)]):
        database.run(
            "INSERT INTO prefix SELECT t, hash, size, low, high, place <= short FROM "
            "(SELECT t, hash, size, low, high, remaining, short, "
            "row_number() OVER (PARTITION BY t ORDER BY texts, hash) AS place FROM shared JOIN open USING (t) "
            f"WHERE t >= {first} AND t < {last}) WHERE place <= remaining"
        )
    for table in ("shared", "open"):
        database.run(f"DROP TABLE {table}")


class _Repeated:
    """Which hashes may occur in several sets: all that do, and of the others few.

    :param total: Number of hashes, each once for each set; more than 67 million cost no more memory.
    """

    def __init__(self, total: int) -> None:
        bits = min(_MOST_BITS, max(_LEAST_BITS, (4 * total).bit_length()))
        self._mask = np.uint64((1 << bits) - 1)
        self._seen, self._twice = np.zeros((2, 1 << bits), np.bool_)

    def add(self, hashes: U64) -> None:
        """Count the hashes of some sets."""
        places = np.sort((hashes & self._mask).astype(np.uint32))
        self._twice[places[1:][places[1:] == places[:-1]]] = True
        self._twice[places[self._seen[places]]] = True
        self._seen[places] = True

    def has(self, hashes: U64) -> npt.NDArray[np.bool_]:
        """Whether each hash may occur in several sets."""
        found: npt.NDArray[np.bool_] = self._twice[(hashes & self._mask).astype(np.uint32)]
        return found


def prefixes_meet(threshold: Threshold) -> str:
    """SQL: condition besides an equal hash under which the texts of rows ``a``, ``b`` of ``prefix`` are candidates."""
    return f"a.short AND (a.size, a.t) < (b.size, b.t) AND {threshold.similar_sizes('a.size', 'b.size')}"


def find_cross_pairs(database: Database, store: SetStore, threshold: Threshold) -> None:
    """Fill ``text_pair(a, b, similarity, level)`` with all near-duplicate pairs of distinct texts of different sides.

    Needs the tables ``text`` and ``text_side(t, low, high)``, the first and last side of each text.
    """

    def prefixes() -> None:
        sides = database.table("SELECT low, high FROM text_side ORDER BY t")
        texts = np.arange(len(store.sizes))
        make_prefixes(database, store, texts, numbers(sides["low"]), numbers(sides["high"]), threshold)

    database.once("prefixes", prefixes)
    database.run("CREATE TABLE IF NOT EXISTS text_pair (a BIGINT, b BIGINT, similarity DOUBLE, level DOUBLE)")
    parts = max(1, database.number("SELECT count(*) FROM prefix") // _PREFIX_ROWS)
    edges = [len(store.sizes) * part // parts for part in range(parts + 1)]
    for first, last in pairwise(edges):
        _find_part(database, store, threshold, first, last)


def _find_part(database: Database, store: SetStore, threshold: Threshold, first: int, last: int) -> None:
    def work() -> None:
        database.run(
            "CREATE OR REPLACE TEMP TABLE candidate AS SELECT DISTINCT least(a.t, b.t) AS a, greatest(a.t, b.t) AS b "
            f"FROM prefix a JOIN prefix b ON a.hash = b.hash WHERE a.t >= {first} AND a.t < {last} "
            f"AND least(a.low, b.low) <> greatest(a.high, b.high) AND {prefixes_meet(threshold)}"
        )
        verify(database, store, threshold, "candidate", "text_pair")

    database.once(f"across {first}", work)
