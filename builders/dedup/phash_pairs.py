"""Perceptual hashes within a Hamming distance, without comparing all with all."""

from __future__ import annotations

from itertools import pairwise

from nyxqa.builders.dedup.arrow_arrays import arrow_table, numbers
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.union_find import Components
from nyxqa.schemas.errors import UsageError

MOST_DISTANCE = 16
# A perceptual hash sets one bit for each of 64 frequencies above their median: half of them on a real picture. Flat
# pictures and plain gradients have only ties (imagehash: no bit to 4), so distances between their hashes mean nothing.
_FLAT_BITS = 8


def check_distance(distance: int) -> None:
    """Refuse a distance at which hashes no longer distinguish pictures.

    :raises UsageError: If it is not within 0 to 16.
    """
    if not 0 <= distance <= MOST_DISTANCE:
        raise UsageError(f"an image distance of {distance} is outside 0 to {MOST_DISTANCE} bits")


def flat(column: str) -> str:
    """SQL: the hash is that of a picture without structure."""
    return f"bit_count({column}) NOT BETWEEN {_FLAT_BITS} AND {64 - _FLAT_BITS}"


def near_hashes(database: Database, table: str, distance: int, target: str, condition: str = "true") -> None:
    """Fill ``target(a, b, distance)`` with the pairs of ``table(h, phash)``, distinct hashes, within the distance.

    The 64 bits are cut into so many blocks that near hashes differ by at most one bit in one of them; there an equality
    join finds them with that bit flipped. A pair is taken in its first such block.

    :param condition: Further SQL condition on the pair ``a``, ``b``.
    """
    database.run(f"CREATE TABLE {target} (a BIGINT, b BIGINT, distance BIGINT)")
    if distance == 0:
        return
    count = distance // 2 + 1
    edges = [64 * block // count for block in range(count + 1)]
    masks = [((1 << end) - (1 << start)) for start, end in pairwise(edges)]
    database.run(f"CREATE OR REPLACE TEMP TABLE bits AS SELECT *, phash::BIT::UBIGINT AS u FROM {table}")
    for block, mask in enumerate(masks):
        turns = ", ".join(["0", *(str(1 << bit) for bit in range(edges[block], edges[block + 1]))])
        earlier = "".join(f" AND bit_count(xor(a.u, b.u) & {other}::UBIGINT) > 1" for other in masks[:block])
        database.run(
            f"INSERT INTO {target} SELECT a.h, b.h, bit_count(xor(a.u, b.u)) FROM "
            f"(SELECT *, xor(u & {mask}::UBIGINT, unnest([{turns}]::UBIGINT[])) AS key FROM bits) a "
            f"JOIN (SELECT *, u & {mask}::UBIGINT AS key FROM bits) b ON a.key = b.key AND a.h < b.h "
            f"WHERE bit_count(xor(a.u, b.u)) <= {distance}{earlier} AND ({condition})"
        )


def near_images(database: Database, distance: int) -> None:
    """Fill ``image_pair(a, b, distance)`` with near hashes of table ``hash(h, phash)``, without flat pictures."""
    database.run(f"CREATE OR REPLACE TEMP TABLE structured AS SELECT * FROM hash WHERE NOT ({flat('phash')})")
    near_hashes(database, "structured", distance, "image_pair")


def label_images(database: Database, distance: int) -> None:
    """Fill ``hash(h, phash)`` with distinct hashes and ``image_name(h, name)`` with their components.

    Hashes of flat pictures match only equal ones: a radius would chain them all.
    """

    def fill() -> None:
        database.run(
            "CREATE TABLE hash AS SELECT row_number() OVER (ORDER BY phash) - 1 AS h, phash FROM "
            "(SELECT DISTINCT phash FROM image)"
        )
        near_images(database, distance)
        components = Components(database.number("SELECT count(*) FROM hash"))
        for piece in database.slices("image_pair", "a, b", 1 << 20):
            components.join(numbers(piece["a"]), numbers(piece["b"]))
        store_labels(database, "image_name", "h", "name", components)

    database.once("images", fill)


def store_labels(database: Database, table: str, thing: str, name: str, components: Components) -> None:
    """Write a component's name for each thing as ``table(thing, name)``."""
    import numpy as np

    labels = components.labels()
    database.run(f"CREATE OR REPLACE TABLE {table} ({thing} BIGINT, {name} BIGINT)")
    for first in range(0, len(labels), 1 << 20):
        part = labels[first : first + (1 << 20)]
        database.append(table, arrow_table({thing: np.arange(first, first + len(part)), name: part}))
