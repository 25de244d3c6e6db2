"""All near-duplicate pairs across splits, exactly: what a leak between splits consists of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.deduplicate import open_work
from nyxqa.builders.dedup.documents import Columns, number_documents, read_documents, set_store
from nyxqa.builders.dedup.inputs import Source
from nyxqa.builders.dedup.phash_pairs import check_distance, near_hashes
from nyxqa.builders.dedup.prefix_filter import find_cross_pairs
from nyxqa.builders.dedup.result import SearchResult
from nyxqa.builders.dedup.threshold import Threshold, as_threshold
from nyxqa.builders.engine.limits import Limits, current
from nyxqa.schemas.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


def pairs_across(
    source: Source,
    *,
    id: str = "doc_id",
    text: str = "text",
    phashes: str | None = "image_phashes",
    side: str = "split",
    threshold: float | Threshold = 0.8,
    shingle: int = 3,
    image_distance: int = 4,
    limits: Limits | None = None,
    work: Path | None = None,
) -> CrossPairs:
    """Find every pair of documents of different ``side`` with similar texts or images, without exception.

    The search is exact: texts are compared by Jaccard similarity through prefixes of shingles, images by the Hamming
    distance of all hashes through blocks of bits. Flat pictures count as any other.

    :param source: An Arrow table, a Parquet file or several.
    :param id: Column of unique ids.
    :param text: Column of texts.
    :param phashes: Column of lists of int64 perceptual hashes; None: no images.
    :param side: Column of strings that says which side a document is on, such as its split.
    :param threshold: Similarity from which texts are near-duplicates, above 0 and at most 1.
    :param shingle: Words of a shingle.
    :param image_distance: Bits, 0 to 16.
    :param limits: Memory, threads and disk; None: those of the build if there is one, else the defaults.
    :param work: Folder in which a stopped search continues; None: a temporary one.
    :returns: Tables of the pairs; close it after use.
    :raises UsageError: If a parameter or column is wrong, or an id occurs in several rows.
    :raises WorldError: If an input is unreadable, or memory, spill space or disk run out.
    """
    rule = as_threshold(threshold)
    if shingle < 1:
        raise UsageError(f"shingle {shingle} must be at least 1")
    check_distance(image_distance)
    columns = Columns(id, text, phashes, None, side)
    folder, temporary = open_work(work, "across", source, columns, [rule.key, shingle, image_distance])
    database = Database(folder / "near.duckdb", limits or current(), temporary is not None)
    try:
        sets = folder / "sets.bin"
        read_documents(database, sets, source, columns, shingle, None)
        number_documents(database)
        database.once("sides", lambda: _sides(database))
        find_cross_pairs(database, set_store(database, sets), rule)
        database.once("across images", lambda: _images(database, image_distance))
        return CrossPairs(database, temporary)
    except BaseException:
        database.close()
        raise


def _sides(database: Database) -> None:
    """Fill ``text_home`` and ``hash_home``, the sides of each text and hash, with the first and last side of each."""
    database.run(
        "CREATE TABLE side_code AS SELECT side, (row_number() OVER (ORDER BY side) - 1)::INTEGER AS code FROM "
        "(SELECT DISTINCT side FROM doc)"
    )
    database.run(
        "CREATE TABLE text_home AS SELECT t AS thing, num, code FROM doc JOIN side_code USING (side) "
        "WHERE t IS NOT NULL"
    )
    database.run(
        "CREATE TABLE text_side AS SELECT thing AS t, min(code) AS low, max(code) AS high FROM text_home GROUP BY thing"
    )
    database.run(
        "CREATE TABLE hash AS SELECT row_number() OVER (ORDER BY phash) - 1 AS h, phash FROM "
        "(SELECT DISTINCT phash FROM image)"
    )
    database.run(
        "CREATE TABLE hash_home AS SELECT DISTINCT h AS thing, num, code FROM image JOIN hash USING (phash) "
        "JOIN doc USING (position) JOIN side_code USING (side)"
    )


def _images(database: Database, distance: int) -> None:
    database.run(
        "CREATE OR REPLACE TEMP TABLE sided AS SELECT h, phash, low, high FROM hash JOIN (SELECT thing AS h, "
        "min(code) AS low, max(code) AS high FROM hash_home GROUP BY thing) USING (h)"
    )
    near_hashes(database, "sided", distance, "image_pair", "least(a.low, b.low) <> greatest(a.high, b.high)")


class CrossPairs(SearchResult):
    """Near-duplicate pairs across sides; tables are read from disk on access."""

    TABLES = ("texts", "images", "links")

    @property
    def texts(self) -> pa.Table:
        """Pairs with similar texts: ``a``, ``b`` (ids, ``a < b``), ``side_a``, ``side_b``, ``similarity``."""
        return self._table("texts")

    @property
    def images(self) -> pa.Table:
        """Pairs that share a near-identical image: ``a``, ``b``, ``side_a``, ``side_b``, least ``distance``."""
        return self._table("images")

    @property
    def links(self) -> pa.Table:
        """Pairs ``a``, ``b`` of ids that connect what all pairs connect, at most one for each document and text pair.

        n copies on different sides are n - 1 links here, but up to n * (n - 1) / 2 rows of ``texts``; groups are joined
        by these links.
        """
        return self._table("links")

    def counts(self) -> dict[str, int]:
        """Number of rows of ``texts`` and of ``images``, by name."""
        return {
            name: self._database.number(f"SELECT count(*) FROM ({self._sql(name)})") for name in ("texts", "images")
        }

    def _sql(self, name: str) -> str:
        return {
            "texts": _expanded("text_home", "text_pair", "similarity", "1.0::DOUBLE", "max"),
            "images": _expanded("hash_home", "image_pair", "distance", "0::BIGINT", "min"),
            "links": "SELECT DISTINCT d.id AS a, e.id AS b FROM "
            f"({_links('text_home', 'text_pair')} UNION ALL {_links('hash_home', 'image_pair')}) p "
            "JOIN doc d ON d.num = least(p.x, p.y) JOIN doc e ON e.num = greatest(p.x, p.y) ORDER BY a, b",
        }[name]


def _expanded(home: str, pairs: str, measure: str, same: str, best: str) -> str:
    """SQL: pairs of documents that have similar things, or one thing on several sides."""
    return (
        f"SELECT d.id AS a, e.id AS b, d.side AS side_a, e.side AS side_b, measured AS {measure} FROM "
        f"(SELECT least(x.num, y.num) AS x, greatest(x.num, y.num) AS y, {best}({measure}) AS measured FROM "
        f"(SELECT a, b, {measure} FROM {pairs} UNION ALL SELECT DISTINCT thing, thing, {same} FROM {home}) p "
        f"JOIN {home} x ON x.thing = p.a JOIN {home} y ON y.thing = p.b AND y.code <> x.code GROUP BY ALL) "
        "JOIN doc d ON d.num = x JOIN doc e ON e.num = y ORDER BY x, y"
    )


def _links(home: str, pairs: str) -> str:
    """SQL: the documents of each thing linked to its first one, if it is similar to something on another side."""
    first = f"(SELECT thing, min(num) AS num, min(code) <> max(code) AS split FROM {home} GROUP BY thing)"
    return (
        f"SELECT x.num AS x, y.num AS y FROM {pairs} p JOIN {first} x ON x.thing = p.a JOIN {first} y ON y.thing = p.b "
        "WHERE x.num <> y.num UNION ALL "
        f"SELECT f.num, m.num FROM {first} f JOIN {home} m USING (thing) WHERE m.num <> f.num AND "
        f"(f.split OR f.thing IN (SELECT a FROM {pairs} UNION ALL SELECT b FROM {pairs}))"
    )
