"""The published train split as feedback reads it: its questions and their pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.engine.part_files import is_done
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.engine.workdir import step_folder
from nyxqa.builders.qa.scoring import Truth, truth_of
from nyxqa.builders.question_sets.passage_pool import PassagePool
from nyxqa.builders.question_sets.pools import (
    PassagesPool,
    Pool,
    PublishedPool,
    named_rows,
    pictures_of,
    rows_where,
    shared_keys_at,
)
from nyxqa.builders.stages.names import pool_stage
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.manifest import Manifest
from nyxqa.schemas.tables import WEB

_STORED = Layout(joined=False, with_bytes=True)
_NAMING = ("positive_id", "negative_ids")


@dataclass(frozen=True)
class TrainPool:
    """A pool and what its index depends on.

    :param basis: Identifies its documents.
    :param whole: Whether all its documents are searched; otherwise those that train triplets name.
    :param passages: The build's output with all passages of a question set, if it is available.
    """

    name: str
    pool: Pool
    basis: list[str]
    whole: bool
    passages: StepOutput | None = None


class TrainSet:
    """Train questions of a published dataset.

    :param work: The hidden folder of the dataset, which may hold complete passage pools.
    :raises FormatError: If there are no train triplets.
    """

    def __init__(self, published: Published, work: Path) -> None:
        self.published, self.manifest, self.work = published, published.manifest, work
        triplets = id_table(published, "triplets", "train", _STORED, "query_id")
        if triplets is None:
            raise FormatError(
                f"{published.folder} has no train triplets; make them with: python -m nyxqa.build --split train"
            )
        self.triplets: pa.Table = triplets.table

    def __len__(self) -> int:
        return int(self.triplets.num_rows)

    @cached_property
    def pools(self) -> dict[str, TrainPool]:
        """Pools that train questions are searched in: the train documents of ``web``, all passages of the others.

        If a pool's passages are unavailable, as in a copy of a dataset, the pool is what train triplets name: documents
        that only questions of other splits name must not be retrieved.
        """
        names = sorted(self.triplets.column("pool").unique().to_pylist())
        return {name: self._pool(name) for name in names}

    def _pool(self, name: str) -> TrainPool:
        passages = passages_of(self.manifest, self.work, name)
        if passages is not None:
            return TrainPool(name, PassagesPool(name, PassagePool(passages.folder)), [], True, passages)
        table = self.documents(name)
        if name == WEB:
            return TrainPool(name, PublishedPool(table, rows_where(table, "split", "train")), self._files(name), True)
        if publishes_all(self.manifest, name):
            every = np.arange(table.table.num_rows)
            return TrainPool(name, PublishedPool(table, every), self._files(name), True)
        named = self._named(name)
        return TrainPool(name, PublishedPool(table, named_rows(table, named)), sorted(named), whole=False)

    def documents(self, pool: str) -> IdTable:
        """All published documents of a pool."""
        if pool not in self._documents:
            table = id_table(self.published, "corpus", pool, _STORED, "doc_id")
            if table is None:
                raise FormatError(f"{self.published.folder} has no documents of pool {pool}; build it again")
            self._documents[pool] = table
        return self._documents[pool]

    @cached_property
    def _documents(self) -> dict[str, IdTable]:
        return {}

    def _files(self, pool: str) -> list[str]:
        return [self.manifest.files[path].sha256 for path in self.manifest.paths("corpus", pool)]

    def _named(self, pool: str) -> dict[str, None]:
        """Ids that train triplets of ``pool`` name."""
        rows = self.triplets.select([*_NAMING, "positives", "pool"]).filter(pc.field("pool") == pool)
        positives = pc.struct_field(pc.list_flatten(rows.column("positives")), "doc_id")
        columns = [rows.column("positive_id"), pc.list_flatten(rows.column("negative_ids")), positives]
        return dict.fromkeys(sorted({one for column in columns for one in column.unique().to_pylist()}))

    @property
    def triplet_files(self) -> list[str]:
        """Hashes of the files of the train triplets."""
        return [self.manifest.files[path].sha256 for path in self.manifest.paths("triplets", "train")]

    def rows(self, start: int, stop: int, columns: list[str]) -> list[dict[str, Any]]:
        """The given columns of some triplets; not for columns of images."""
        rows: list[dict[str, Any]] = self.triplets.select(columns).slice(start, stop - start).to_pylist()
        return rows

    @property
    def has_pictures(self) -> bool:
        """Whether a question, or a document of a pool that is searched, has an image."""
        shown = [self.triplets.column("query_image_ids")]
        shown += [
            self.documents(name).table.column("image_ids") for name, pool in self.pools.items() if pool.passages is None
        ]
        return any(pc.max(pc.list_value_length(ids)).as_py() or 0 for ids in shown)

    def pictures(self, place: int) -> tuple[VlmImage, ...]:
        """Images of a question, with the captions they have in its document."""
        ids = self.triplets.column("query_image_ids")[place].as_py()
        if not ids:
            return ()
        captions = self._captions(place)
        return pictures_of(self.triplets.column("query_images")[place], ids, [captions.get(one, "") for one in ids])

    def _captions(self, place: int) -> dict[str, str]:
        table = self.documents(self.triplets.column("pool")[place].as_py())
        row = int(table.rows([self.triplets.column("positive_id")[place].as_py()])[0])
        if row < 0:
            return {}
        lists = (table.table.column(name)[row].as_py() for name in ("image_ids", "captions"))
        return dict(zip(*lists, strict=True))

    def known(self, row: Mapping[str, Any]) -> list[dict[str, str]]:
        """Shared keys of the positives of a triplet: a document with one of them has the same content."""
        table = self.documents(row["pool"])
        ids = dict.fromkeys([row["positive_id"], *(one["doc_id"] for one in row["positives"])])
        return [shared_keys_at(table, place) for place in table.rows(list(ids)).tolist() if place >= 0]

    def truth(self, row: Mapping[str, Any]) -> Truth:
        """The accepted answers of a question."""
        truth = truth_of(row["answers"], (), 0)
        if truth.known or self._questions is None:
            return truth
        place = int(self._questions.rows([row["query_id"]])[0])
        if place < 0:
            return truth
        choices, label = (self._questions.table.column(name)[place].as_py() for name in ("choices", "label"))
        return truth_of(row["answers"], choices, label)

    @cached_property
    def _questions(self) -> IdTable | None:
        return id_table(self.published, "qa", "train", _STORED, "qa_id")


def passages_of(manifest: Manifest, work: Path, pool: str) -> StepOutput | None:
    """The build's output with all passages of ``pool``, or None if it is missing."""
    stage = pool_stage(pool)
    entry = next((entry for entry in manifest.stages if entry.name == stage), None)
    if entry is None:
        return None
    folder = step_folder(work, stage, "", entry.fingerprint)
    return StepOutput(entry.fingerprint, folder) if is_done(folder) else None


def publishes_all(manifest: Manifest, pool: str) -> bool:
    """Whether table ``corpus`` holds all passages of ``pool``."""
    sections = [text for text in manifest.recipe.get("text", []) if (text["pool"] or text["name"]) == pool]
    return any(text["keep"] == "all" for text in sections)
