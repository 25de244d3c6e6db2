"""Match images of documents with near-identical images of the benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.phash_pairs import flat, near_hashes
from nyxqa.builders.engine.limits import current
from nyxqa.builders.engine.shard import write_table
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.filters.benchmark_index import IMAGES
from nyxqa.builders.filters.benchmark_overlap import ItemNames
from nyxqa.schemas.sql import file_list

MATCHES = "matches.parquet"
_MATCHES = pa.schema([("image_id", pa.string()), ("phash", pa.int64()), ("item", pa.int64()), ("distance", pa.int64())])

_OURS = """
CREATE TABLE ours AS SELECT DISTINCT i.image_id AS image_id, i.phash AS phash
FROM (SELECT unnest(images) AS i FROM read_parquet({files}))
"""
_THEIRS = "CREATE TABLE theirs AS SELECT * FROM read_parquet({file})"

# Hashes of both sides, each once a side. Hashes of flat pictures are left out: unrelated ones coincide, so these are
# compared by their bytes only.
_HASHES = """
CREATE TABLE hash AS SELECT row_number() OVER (ORDER BY phash, ours) - 1 AS h, phash, ours FROM
(SELECT DISTINCT phash, true AS ours FROM ours UNION ALL SELECT DISTINCT phash, false FROM theirs) WHERE NOT ({flat})
"""
_NEAR = """
CREATE TABLE near AS SELECT CASE WHEN x.ours THEN x.phash ELSE y.phash END AS phash,
       CASE WHEN x.ours THEN y.phash ELSE x.phash END AS other, distance
FROM pair JOIN hash x ON x.h = a JOIN hash y ON y.h = b
UNION ALL SELECT phash, phash, 0 FROM hash WHERE ours AND phash IN (SELECT phash FROM hash WHERE NOT ours)
"""
_MATCHED = """
SELECT image_id, NULL::BIGINT AS phash, min(item) AS item, 0::BIGINT AS distance
FROM theirs WHERE image_id IN (SELECT image_id FROM ours) GROUP BY image_id
UNION ALL
SELECT NULL, near.phash, arg_min(item, (distance, item)), min(distance)
FROM near JOIN (SELECT phash AS other, min(item) AS item FROM theirs GROUP BY phash) USING (other)
GROUP BY near.phash
ORDER BY ALL
"""


def write_image_matches(documents: StepOutput, benchmark: Path, distance: int, folder: Path) -> None:
    """Write the documents' images, by id or by perceptual hash, that are near-identical to a benchmark image.

    :param benchmark: Output of step ``filter/benchmark``.
    :param distance: Maximum number of bits in which the hashes differ.
    """
    files = documents.files()
    matches = _MATCHES.empty_table()
    if files and pq.read_metadata(benchmark / IMAGES).num_rows:
        with TemporaryDirectory(dir=folder, prefix=".duckdb-") as temporary:
            database = Database(Path(temporary) / "images.duckdb", current())
            try:
                matches = _matches(database, files, benchmark / IMAGES, distance)
            finally:
                database.close()
    write_table(folder / MATCHES, matches)


def _matches(database: Database, files: list[Path], images: Path, distance: int) -> pa.Table:
    database.run(_OURS.format(files=file_list(files)))
    database.run(_THEIRS.format(file=file_list([images])))
    database.run(_HASHES.format(flat=flat("phash")))
    near_hashes(database, "hash", distance, "pair", "a.ours <> b.ours")
    database.run(_NEAR)
    return database.table(_MATCHED).cast(_MATCHES)


@dataclass(frozen=True, slots=True)
class ImageMatches:
    """Images of documents that match a benchmark image.

    :param by_id: Item by the id of an identical image.
    :param by_hash: Item and distance in bits by perceptual hash.
    """

    by_id: Mapping[str, int]
    by_hash: Mapping[int, tuple[int, int]]

    @classmethod
    def read(cls, folder: Path) -> ImageMatches:
        """Read the output of step ``filter/images``."""
        rows = pq.read_table(folder / MATCHES).to_pylist()
        by_id = {row["image_id"]: row["item"] for row in rows if row["image_id"] is not None}
        by_hash = {row["phash"]: (row["item"], row["distance"]) for row in rows if row["image_id"] is None}
        return cls(by_id, by_hash)

    def describe(self, images: Iterable[Mapping[str, Any]], names: ItemNames) -> str | None:
        """Ledger detail on the first of ``images`` that matches, or None."""
        for image in images:
            if image["image_id"] in self.by_id:
                return f"image {image['image_id'][:16]} equals that of {names.title(self.by_id[image['image_id']])}"
            if image["phash"] in self.by_hash:
                item, distance = self.by_hash[image["phash"]]
                return f"image {image['image_id'][:16]} is within {distance} bits of that of {names.title(item)}"
        return None
