"""Identity of text and images together, and everything that hangs together by either."""

from __future__ import annotations

from collections.abc import Iterator

from nyxqa.builders.dedup.arrow_arrays import numbers
from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.large_buckets import connect_large_buckets
from nyxqa.builders.dedup.phash_pairs import store_labels
from nyxqa.builders.dedup.shingle_store import SetStore
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.builders.dedup.union_find import Components
from nyxqa.builders.dedup.word_hashes import I64

_EDGES = 1 << 20


def level_pairs(threshold: Threshold, base: Threshold) -> str:
    """SQL: the pairs that count at this threshold, whatever other thresholds were used before."""
    return f"similarity >= {threshold.value!r} AND level IN ({base.value!r}, {threshold.value!r})"


def join_texts_and_images(database: Database) -> None:
    """Fill ``joint(j, num, t, key)`` and ``member(num, j)``: documents equal in shingles and near-equal in images.

    ``key`` is a hash of the multiset of the names of a document's images. ``joint_pair`` holds the text pairs whose
    images agree too.
    """

    def fill() -> None:
        database.run(
            "CREATE TABLE pictured AS SELECT position, list_sort(list(name)) AS names FROM image JOIN hash "
            "USING (phash) JOIN image_name USING (h) GROUP BY position"
        )
        database.run(
            "CREATE TABLE image_key AS SELECT row_number() OVER () AS key, names FROM "
            "(SELECT DISTINCT names FROM pictured)"
        )
        database.run(
            "CREATE TABLE keyed AS SELECT num, t, coalesce(key, 0) AS key FROM doc LEFT JOIN (SELECT position, key "
            "FROM pictured JOIN image_key USING (names)) USING (position) WHERE t IS NOT NULL"
        )
        database.run(
            "CREATE TABLE joint AS SELECT row_number() OVER (ORDER BY num) - 1 AS j, * FROM "
            "(SELECT min(num) AS num, t, key FROM keyed GROUP BY t, key)"
        )
        database.run("CREATE TABLE member AS SELECT keyed.num, j FROM keyed JOIN joint USING (t, key)")
        database.run(
            "CREATE TABLE joint_pair AS SELECT least(x.j, y.j) AS a, greatest(x.j, y.j) AS b, similarity, level FROM "
            "text_pair p JOIN joint x ON x.t = p.a JOIN joint y ON y.t = p.b AND y.key = x.key"
        )

    database.once("joint", fill)


def label_joint(database: Database, store: SetStore, threshold: Threshold, base: Threshold, target: str) -> None:
    """Fill ``target(j, label)``: components of near-duplicates in both text and images."""
    components = Components(database.number("SELECT count(*) FROM joint"))
    _join(database, components, f"SELECT a, b FROM joint_pair WHERE {level_pairs(threshold, base)}")
    things = "SELECT j AS thing, t, key AS part FROM joint"
    connect_large_buckets(database, store, components, things, threshold, "joint_pair")
    store_labels(database, target, "j", "label", components)


def label_clusters(
    database: Database, store: SetStore, threshold: Threshold, base: Threshold, common_images: int | None, target: str
) -> None:
    """Fill ``target(num, label)``: components of documents that are similar in text or share a near-identical image.

    Table ``target_text(t, label)`` holds the components by text alone.
    """
    texts = Components(database.number("SELECT count(*) FROM text"))
    _join(database, texts, f"SELECT a, b FROM text_pair WHERE {level_pairs(threshold, base)}")
    things = "SELECT t AS thing, t, 0 AS part FROM text"
    connect_large_buckets(database, store, texts, things, threshold, "text_pair")
    store_labels(database, f"{target}_text", "t", "label", texts)
    clusters = Components(database.number("SELECT count(*) FROM doc"))
    _join(
        database,
        clusters,
        f"SELECT d.num AS a, x.num AS b FROM doc d JOIN {target}_text l USING (t) JOIN text x ON x.t = l.label",
    )
    limit = "" if common_images is None else f"HAVING count(*) <= {common_images}"
    _join(
        database,
        clusters,
        "WITH seen AS (SELECT DISTINCT num, name FROM image JOIN doc USING (position) JOIN hash USING (phash) "
        "JOIN image_name USING (h)), "
        f"first AS (SELECT name, min(num) AS num FROM seen GROUP BY name {limit}) "
        "SELECT seen.num AS a, first.num AS b FROM seen JOIN first USING (name)",
    )
    store_labels(database, target, "num", "label", clusters)


def _join(database: Database, components: Components, edges: str) -> None:
    database.run(f"CREATE OR REPLACE TEMP TABLE edge AS {edges}")
    for left, right in _edges(database):
        components.join(left, right)


def _edges(database: Database) -> Iterator[tuple[I64, I64]]:
    for piece in database.slices("edge", "a, b", _EDGES):
        yield numbers(piece["a"]), numbers(piece["b"])
