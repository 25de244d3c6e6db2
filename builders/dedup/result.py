"""The result of a search for duplicates: what to keep, what to drop and why, and the clusters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from nyxqa.builders.dedup.database import Database
from nyxqa.builders.dedup.joint import label_clusters, label_joint, level_pairs
from nyxqa.builders.dedup.shingle_store import SetStore
from nyxqa.builders.dedup.threshold import Threshold
from nyxqa.schemas.errors import UsageError
from nyxqa.schemas.sql import string_literal

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


class SearchResult(ABC):
    """Tables of a finished search, backed by files: close it, or use it in a ``with`` statement.

    :param database: The search's database.
    :param folder: Removed on closing, if given.
    """

    TABLES: ClassVar[tuple[str, ...]]

    def __init__(self, database: Database, folder: TemporaryDirectory[str] | None) -> None:
        self._database = database
        self._folder = folder

    def write(self, folder: Path) -> None:
        """Write every table of ``TABLES`` as a Parquet file of its name, whatever its size.

        :raises WorldError: If the folder is not writable.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.TABLES:
            file = string_literal(str(folder / f"{name}.parquet"))
            self._database.run(f"COPY ({self._sql(name)}) TO {file} (FORMAT parquet, COMPRESSION zstd)")

    def to_polars(self, name: str) -> pl.DataFrame:
        """A table of ``TABLES`` as a frame of polars.

        :raises UsageError: If there is no table of that name.
        """
        import polars as pl

        if name not in self.TABLES:
            raise UsageError(f"no table {name!r}; choose one of {', '.join(self.TABLES)}")
        frame = pl.from_arrow(self._table(name))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - an Arrow table is never a series
        return frame

    def close(self) -> None:
        """Close the database, and with it every result that reads from it."""
        self._database.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _table(self, name: str) -> pa.Table:
        return self._database.table(self._sql(name))

    @abstractmethod
    def _sql(self, name: str) -> str:
        """The query of a table."""


class DedupResult(SearchResult):
    """The result at one threshold; tables are made on access, in order of id.

    :param database: The search's database, complete.
    :param store: Its shingle sets.
    :param threshold: From which similarity texts are near-duplicates.
    :param base: Threshold of the search; no other can be lower.
    :param common_images: As in ``deduplicate``.
    :param folder: Removed on closing, if given.
    """

    TABLES = ("selected", "dropped", "clusters", "texts", "pairs")

    def __init__(
        self,
        database: Database,
        store: SetStore,
        threshold: Threshold,
        base: Threshold,
        common_images: int | None,
        folder: TemporaryDirectory[str] | None,
    ) -> None:
        super().__init__(database, folder)
        self.threshold = threshold.value
        self._threshold = threshold
        self._store = store
        self._base = base
        self._common_images = common_images
        # The threshold names the tables: several results can share one database.
        self._name = f"at_{threshold.value!r}".replace(".", "_").replace("-", "_")
        database.once(self._name, self._fill_tables)

    @property
    def selected(self) -> pa.ChunkedArray:
        """Ids of the documents to keep."""
        return self._table("selected")["id"]

    @property
    def dropped(self) -> pa.Table:
        """One row for each other document: ``id``, ``survivor``, ``match``, ``similarity``.

        ``match`` is a document similar to it in text (exact Jaccard ``similarity``) and images: the survivor if the
        two are near-duplicates themselves, else the most similar one, through which it is connected to the survivor.
        """
        return self._table("dropped")

    @property
    def clusters(self) -> pa.Table:
        """``id`` and ``cluster`` of every document; a cluster is named by its smallest id.

        Documents that are similar in text or share a near-identical image are connected, also through others.
        """
        return self._table("clusters")

    @property
    def texts(self) -> pa.Table:
        """``id`` and ``text`` of every document with words: clusters by text alone.

        ``text`` is the smallest id of the cluster.
        """
        return self._table("texts")

    @property
    def pairs(self) -> pa.Table:
        """Pairs of near-duplicate texts: ``a``, ``b``, ``similarity``.

        Texts with equal shingles are represented by their smallest id. Of a large bucket (over 200 texts that share
        a band) only as many pairs are listed as connect it.
        """
        return self._table("pairs")

    def at(self, threshold: float) -> DedupResult:
        """The result at a higher threshold, from the pairs already known.

        :raises UsageError: If the threshold is lower than that of the search, or above 1.
        """
        base = self._base.value
        if not base <= threshold <= 1:
            raise UsageError(
                f"a threshold of {threshold} is outside {base} to 1: pairs below {base} were not stored; "
                "search again with the lower threshold"
            )
        rule = replace(self._base, value=threshold)
        return DedupResult(self._database, self._store, rule, self._base, self._common_images, self._folder)

    def _sql(self, table: str) -> str:
        name = self._name
        return {
            "selected": f"SELECT id FROM doc WHERE num NOT IN (SELECT num FROM {name}_dropped) ORDER BY num",
            "dropped": "SELECT d.id, s.id AS survivor, m.id AS match, similarity FROM "
            f"{name}_dropped JOIN doc d USING (num) JOIN doc s ON s.num = survivor JOIN doc m ON m.num = match "
            "ORDER BY d.num",
            "clusters": f"SELECT d.id, c.id AS cluster FROM doc d JOIN {name}_cluster l USING (num) "
            "JOIN doc c ON c.num = l.label ORDER BY d.num",
            "texts": f"SELECT d.id, c.id AS text FROM doc d JOIN {name}_cluster_text l USING (t) "
            "JOIN text x ON x.t = l.label JOIN doc c ON c.num = x.num ORDER BY d.num",
            "pairs": "SELECT DISTINCT ON (p.a, p.b) d.id AS a, e.id AS b, similarity FROM text_pair p "
            "JOIN text x ON x.t = p.a JOIN text y ON y.t = p.b JOIN doc d ON d.num = x.num JOIN doc e ON e.num = y.num "
            f"WHERE {level_pairs(self._threshold, self._base)} ORDER BY p.a, p.b",
        }[table]

    def _fill_tables(self) -> None:
        """Fill the tables of this threshold."""
        database, name = self._database, self._name
        label_joint(database, self._store, self._threshold, self._base, f"{name}_joint")
        label_clusters(database, self._store, self._threshold, self._base, self._common_images, f"{name}_cluster")
        # The rule of survival: the preferred, then most images, then most tokens, then the smallest id.
        database.run(
            f"CREATE OR REPLACE TABLE {name}_survivor AS SELECT label, best.num AS survivor, m.j AS home FROM "
            "(SELECT label, min({'side': coalesce(side, ''), 'images': -images, 'tokens': -tokens, "
            "'num': num}) AS best FROM doc "
            f"JOIN member USING (num) JOIN {name}_joint USING (j) GROUP BY label HAVING count(*) > 1) "
            "JOIN member m ON m.num = best.num"
        )
        # For each joint identity without the survivor: the pair that justifies dropping it.
        database.run(
            f"CREATE OR REPLACE TEMP TABLE reason AS SELECT j, max({{'direct': other = home, "
            "'similarity': similarity, 'other': -other}) AS best FROM (SELECT a AS j, b AS other, similarity, level "
            "FROM joint_pair UNION ALL SELECT b, a, similarity, level FROM joint_pair) "
            f"JOIN {name}_joint USING (j) JOIN {name}_survivor USING (label) "
            f"WHERE {level_pairs(self._threshold, self._base)} AND j <> home GROUP BY j"
        )
        database.run(
            f"CREATE OR REPLACE TABLE {name}_dropped AS SELECT m.num, survivor, "
            "CASE WHEN m.j = home OR best.direct THEN survivor ELSE x.num END AS match, "
            "CASE WHEN m.j = home THEN 1.0 ELSE best.similarity END::DOUBLE AS similarity "
            f"FROM member m JOIN {name}_joint USING (j) JOIN {name}_survivor USING (label) "
            "LEFT JOIN reason ON reason.j = m.j LEFT JOIN joint x ON x.j = -best.other WHERE m.num <> survivor"
        )
