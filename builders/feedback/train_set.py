"""The published train split as feedback reads it: its questions and their pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.feedback.selection import Selected, passages_of, publishes_all, publishes_retrieved, select
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
from nyxqa.builders.vlm.prompt import form_of
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.published import Published
from nyxqa.schemas.recipe import Feedback
from nyxqa.schemas.tables import WEB

_STORED = Layout(joined=False, with_bytes=True)
_NAMING = ("positive_id", "negative_ids")
# Columns of ``qa`` that replace those of ``triplets``; a question without a triplet has no others of them.
_QA_COLUMNS = {
    "query_id": "qa_id",
    "dataset": "dataset",
    "pool": "pool",
    "query": "question",
    "query_images": "images",
    "query_image_ids": "image_ids",
    "answers": "answers",
}
_WITHOUT_TRIPLET: dict[str, Any] = {"instruction": "", "positive_id": "", "positives": [], "negative_ids": []}


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
    """Train questions of a published dataset: its triplets, and questions with an answer but no known document.

    :param work: The hidden folder of the dataset, which may hold complete passage pools.
    :param settings: Which questions are asked.
    :param seed: Seed of the recipe, for caps.
    :raises FormatError: If there are no train questions.
    """

    def __init__(self, published: Published, work: Path, settings: Feedback, seed: int) -> None:
        self.published, self.manifest, self.work = published, published.manifest, work
        self._settings = settings
        triplets = id_table(published, "triplets", "train", _STORED, "query_id")
        if triplets is None and self._questions is None:
            raise FormatError(
                f"{published.folder} has no train triplets; make them with: python -m nyxqa.build --split train"
            )
        self.triplets: pa.Table | None = None if triplets is None else triplets.table
        self._selected: Selected = select(triplets, self._questions, settings, seed)

    def __len__(self) -> int:
        return len(self._selected)

    @property
    def left_out(self) -> int:
        """Number of train questions that the settings leave out."""
        return self._selected.left_out

    @property
    def selection(self) -> dict[str, Any]:
        """What decides which questions are searched for, as JSON types; nothing where all triplets are."""
        chosen = {"datasets": self._settings.datasets, "caps": self._settings.caps}
        found: dict[str, Any] = {name: value for name, value in chosen.items() if value}
        if not self._selected.all_triplets:
            found["qa"] = self._files_of("qa")
        if unanswered := int((~self._selected.labelled).sum()):
            found["not_searched"] = unanswered
        return found

    def can_be_labelled(self, place: int) -> bool:
        """Whether any answer to a question could be right."""
        return bool(self._selected.labelled[place])

    @cached_property
    def pools(self) -> dict[str, TrainPool]:
        """Pools that train questions are searched in: the train documents of ``web``, all passages of the others.

        If a pool's passages are unavailable, as in a copy of a dataset, the pool is what train triplets name: documents
        that only questions of other splits name must not be retrieved. Pools of questions that cannot be labelled are
        left out.
        """
        names = {
            row["pool"]
            for start in range(0, len(self), _BLOCK)
            for place, row in enumerate(self.rows(start, min(start + _BLOCK, len(self)), ["pool"]), start)
            if self.can_be_labelled(place)
        }
        return {name: self._pool(name) for name in sorted(names)}

    def _pool(self, name: str) -> TrainPool:
        passages = passages_of(self.manifest, self.work, name)
        if passages is not None and not publishes_retrieved(self.manifest, name):
            return TrainPool(name, PassagesPool(name, PassagePool(passages.folder)), [], True, passages)
        table = self.documents(name)
        if name == WEB:
            return TrainPool(name, PublishedPool(table, rows_where(table, "split", "train")), self._files(name), True)
        if publishes_all(self.manifest, name) or publishes_retrieved(self.manifest, name):
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
        if self.triplets is None:
            return {}
        rows = self.triplets.select([*_NAMING, "positives", "pool"]).filter(pc.field("pool") == pool)
        positives = pc.struct_field(pc.list_flatten(rows.column("positives")), "doc_id")
        columns = [rows.column("positive_id"), pc.list_flatten(rows.column("negative_ids")), positives]
        return dict.fromkeys(sorted({one for column in columns for one in column.unique().to_pylist()}))

    @property
    def triplet_files(self) -> list[str]:
        """Hashes of the files of the train triplets."""
        return self._files_of("triplets")

    def _files_of(self, table: str) -> list[str]:
        return [self.manifest.files[path].sha256 for path in self.manifest.paths(table, "train")]

    def rows(self, start: int, stop: int, columns: Sequence[str]) -> list[dict[str, Any]]:
        """The given columns of some questions; not for columns of images."""
        spots = self._selected.spots[start:stop]
        of_triplets = _taken(self.triplets, spots[spots >= 0], list(columns))
        stored = {name: _QA_COLUMNS[name] for name in columns if name in _QA_COLUMNS}
        found = _taken(self._questions.table if self._questions else None, -1 - spots[spots < 0], list(stored.values()))
        others = (
            {name: row[stored[name]] if name in stored else _WITHOUT_TRIPLET[name] for name in columns} for row in found
        )
        listed = iter(of_triplets)
        return [next(listed) if spot >= 0 else next(others) for spot in spots.tolist()]

    @property
    def has_pictures(self) -> bool:
        """Whether a question, or a document of a pool that is searched, has an image."""
        shown = [] if self.triplets is None else [self.triplets.column("query_image_ids")]
        if self._questions is not None:
            shown.append(self._questions.table.column("image_ids"))
        shown += [
            self.documents(name).table.column("image_ids")
            for name, pool in self.pools.items()
            if pool.passages is None or name in self.manifest.splits("corpus")
        ]
        return any(pc.max(pc.list_value_length(ids)).as_py() or 0 for ids in shown)

    def pictures(self, place: int) -> tuple[VlmImage, ...]:
        """Images of a question, with the captions they have in its document."""
        spot = int(self._selected.spots[place])
        ids = self._cell(spot, "query_image_ids").as_py()
        if not ids:
            return ()
        captions = self._captions(spot)
        return pictures_of(self._cell(spot, "query_images"), ids, [captions.get(one, "") for one in ids])

    def _cell(self, spot: int, column: str) -> Any:
        """One cell of a question; ``column`` as ``triplets`` names it."""
        if spot >= 0 and self.triplets is not None:
            return self.triplets.column(column)[spot]
        assert self._questions is not None  # noqa: S101 - the spot says so
        return self._questions.table.column(_QA_COLUMNS[column])[-1 - spot]

    def _captions(self, spot: int) -> dict[str, str]:
        if spot < 0 or self.triplets is None:
            return {}
        table = self.documents(self.triplets.column("pool")[spot].as_py())
        row = int(table.rows([self.triplets.column("positive_id")[spot].as_py()])[0])
        if row < 0:
            return {}
        lists = (table.table.column(name)[row].as_py() for name in ("image_ids", "captions"))
        return dict(zip(*lists, strict=True))

    def known(self, row: Mapping[str, Any]) -> list[dict[str, str]]:
        """Shared keys of the positives of a triplet: a document with one of them has the same content."""
        ids = dict.fromkeys([row["positive_id"], *(one["doc_id"] for one in row["positives"])])
        if not any(ids):
            return []
        table = self.documents(row["pool"])
        return [shared_keys_at(table, place) for place in table.rows(list(ids)).tolist() if place >= 0]

    def truth(self, row: Mapping[str, Any], options: bool = False) -> Truth:
        """The accepted answers of a question.

        :param options: Whether the right option counts, of questions that have options.
        """
        truth = truth_of(row["answers"], (), 0)
        place = -1 if self._questions is None else int(self._questions.rows([row["query_id"]])[0])
        if self._questions is None or place < 0:
            return truth
        columns = ("choices", "label", "nuggets", "type")
        choices, label, nuggets, kind = (self._questions.table.column(name)[place].as_py() for name in columns)
        if nuggets or form_of(kind) == "list":
            return replace(truth, nuggets=tuple(one["text"] for one in nuggets), type=kind)
        if truth.known and not options:
            return truth
        if options and choices and label >= 0:
            return Truth((), tuple(choices), label)
        return truth_of(row["answers"], choices, label)

    @cached_property
    def _questions(self) -> IdTable | None:
        return id_table(self.published, "qa", "train", _STORED, "qa_id")


_BLOCK = 65_536


def _taken(table: pa.Table | None, rows: npt.NDArray[np.int64], columns: list[str]) -> list[dict[str, Any]]:
    """Some rows of a table, which may be missing if there are none."""
    if table is None or not len(rows):
        return []
    if len(rows) == rows[-1] - rows[0] + 1:  # a slice, which copies nothing
        found: list[dict[str, Any]] = table.select(columns).slice(int(rows[0]), len(rows)).to_pylist()
    else:
        found = table.select(columns).take(pa.array(rows)).to_pylist()
    return found
