"""The questions of a split with their pools, as an evaluation reads them from a published dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nyxqa.builders.question_sets.pool_search import own_queries, own_rows
from nyxqa.builders.question_sets.pools import PublishedPool, pictures_of
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.schemas.chance import keyed_hash
from nyxqa.schemas.errors import FormatError, LawError, UsageError, WorldError, nearest
from nyxqa.schemas.ids import short_hash
from nyxqa.schemas.loading.arrow_copy import Layout, id_table
from nyxqa.schemas.loading.id_index import IdTable
from nyxqa.schemas.loading.published import Published

_STORED = Layout(joined=False, with_bytes=True)
_TRIPLET = (
    "query_id",
    "dataset",
    "pool",
    "instruction",
    "query",
    "answers",
    "positive_id",
    "positives",
    "kind",
    "needs",
)
_ASKED = ("choices", "label", "type", "nuggets", "answerable")
_QA = ("qa_id", "dataset", "pool", "question", "answers", "doc_id", "kind", *_ASKED)
_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked.

    :param positives: Documents known to answer it; none where no document is known.
    :param group: Group of its page, or its document, or itself: what is resampled together.
    :param choices: Options; empty for an open question.
    :param label: Number of the right option, from 0.
    :param needs: Whether ``any`` of the known documents answers alone, or ``all`` of them together.
    :param table: Table that it is in, ``triplets`` or ``qa``.
    :param place: Its row there.
    :param type: Type of the question; empty where it is unknown.
    :param nuggets: Facts of a long answer, by which an answer is scored.
    :param answerable: Whether a document answers it; if none does, the right answer is none.
    """

    id: str
    dataset: str
    pool: str
    kind: str
    group: str
    text: str
    instruction: str
    positives: tuple[str, ...]
    answers: tuple[str, ...]
    choices: tuple[str, ...]
    label: int
    needs: str
    table: str
    place: int
    type: str = ""
    nuggets: tuple[str, ...] = ()
    answerable: bool = True


class EvalSet:
    """The questions of one split of a published dataset.

    :param datasets: Datasets of the questions; all if empty.
    :param limit: Most questions of each dataset, first by keyed hash; all if None.
    :raises UsageError: If the split has no question of a dataset.
    :raises WorldError: If the split has no question at all.
    """

    def __init__(
        self, published: Published, split: str, datasets: Sequence[str] = (), limit: int | None = None
    ) -> None:
        self.published, self.manifest, self.split = published, published.manifest, split
        found = sorted(self._read(), key=lambda one: (one.dataset, one.id))
        if not found:
            raise WorldError(
                f"{published.folder}: split {split} has no questions; build it with: python -m nyxqa.build --split "
                f"{split} ..., or choose another --split"
            )
        named = sorted({one.dataset for one in found})
        for wanted in datasets:
            if wanted not in named:
                raise UsageError(f"--dataset {wanted!r}: split {split} has no such questions{nearest(wanted, named)}")
        self.all_ids = [one.id for one in found]
        self.questions = _limited([one for one in found if not datasets or one.dataset in datasets], limit)

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def files(self) -> list[str]:
        """Hashes of the files that the questions were read from."""
        paths = [path for table in ("triplets", "qa") for path in self.manifest.paths(table, self.split)]
        return [self.manifest.files[path].sha256 for path in paths]

    @property
    def state(self) -> str:
        """A short hash of the files of questions, judgements and pools: figures of other data have another."""
        judged = [self.manifest.files[path].sha256 for path in self.manifest.paths("qrels", self.split)]
        return short_hash(
            " ".join([*self.files, *judged, *(one for pool in self.pools for one in self.pool_files(pool))])
        )

    @cached_property
    def pools(self) -> dict[str, PublishedPool]:
        """All published documents of each pool that a question is searched in."""
        return {
            name: PublishedPool(table := self.documents(name), np.arange(table.table.num_rows))
            for name in sorted({one.pool for one in self.questions})
        }

    def pool_files(self, pool: str) -> list[str]:
        """Hashes of the files of a pool."""
        return [self.manifest.files[path].sha256 for path in self.manifest.paths("corpus", pool)]

    def documents(self, pool: str) -> IdTable:
        """All published documents of a pool.

        :raises FormatError: If there is none.
        """
        if pool not in self._documents:
            table = id_table(self.published, "corpus", pool, _STORED, "doc_id")
            if table is None:
                raise FormatError(f"{self.published.folder} has no documents of pool {pool}; build it again")
            self._documents[pool] = table
        return self._documents[pool]

    def rows_of(self, question: Question) -> list[int]:
        """Rows of the positives of a question in its pool.

        :raises LawError: If one is not in the pool.
        """
        rows: list[int] = self.documents(question.pool).rows(list(question.positives)).tolist()
        if -1 in rows:
            lost = question.positives[rows.index(-1)]
            raise LawError(f"question {question.id}: its document {lost} is not in pool {question.pool}")
        return rows

    def own_row(self, question: Question) -> int | None:
        """Row of the document that was made of the question itself, which it must not find; None if there is none."""
        return self._own.get((question.pool, question.id))

    @cached_property
    def _own(self) -> dict[tuple[str, str], int]:
        asked = {(one.pool, one.id) for one in self.questions}
        datasets = {(one.pool, one.dataset) for one in self.questions}
        found: dict[tuple[str, str], int] = {}
        for name, dataset in sorted(datasets):
            pool = self.pools[name]
            for row in own_rows(self.documents(name)):
                keys = ((name, query) for query in own_queries(dataset, pool.origin(row)))
                found |= dict.fromkeys((key for key in keys if key in asked), row)
        return found

    def pictures(self, question: Question) -> tuple[VlmImage, ...]:
        """Images of a question, with the captions they have in its document."""
        table = self._tables[question.table].table
        prefix = "query_" if question.table == "triplets" else ""
        ids = table.column(f"{prefix}image_ids")[question.place].as_py()
        if not ids:
            return ()
        captions = self._captions(question)
        images = table.column(f"{prefix}images")[question.place]
        return pictures_of(images, ids, [captions.get(one, "") for one in ids])

    def is_whole(self, pool: str) -> bool:
        """Whether the dataset holds all documents of a pool, not only those that its rows name."""
        recipe = self.manifest.recipe
        sections = [*recipe.get("text", []), *recipe.get("qa", [])]
        named = [one for one in sections if (one.get("pool") or one.get("name")) == pool]
        imported = any(one.get("kind") == pool for one in recipe.get("import", []))
        return not imported and all(one.get("keep", "all") == "all" for one in named)

    def _captions(self, question: Question) -> dict[str, str]:
        if not question.positives:
            return {}
        table, row = self.documents(question.pool).table, self.rows_of(question)[0]
        return dict(zip(*(table.column(name)[row].as_py() for name in ("image_ids", "captions")), strict=True))

    @cached_property
    def _documents(self) -> dict[str, IdTable]:
        return {}

    @cached_property
    def _tables(self) -> dict[str, IdTable]:
        names = {"triplets": "query_id", "qa": "qa_id"}
        found = {name: id_table(self.published, name, self.split, _STORED, key) for name, key in names.items()}
        return {name: table for name, table in found.items() if table is not None}

    def _read(self) -> Iterator[Question]:
        """Questions with a known document, then those that only table ``qa`` has."""
        seen: set[str] = set()
        for place, row in self._rows("triplets", _TRIPLET):
            asked = self._asked(row["query_id"])
            known = dict.fromkeys([row["positive_id"], *(one["doc_id"] for one in row["positives"])])
            seen.add(row["query_id"])
            yield self._question(row, row["query_id"], tuple(known), asked, "triplets", place)
        for place, row in self._rows("qa", _QA):
            if row["qa_id"] not in seen:
                known = {row["doc_id"]: None} if row["doc_id"] else {}
                asked = {name: row[name] for name in _ASKED}
                named = {**row, "query": row["question"], "instruction": "", "needs": "any"}
                yield self._question(named, row["qa_id"], tuple(known), asked, "qa", place)

    def _question(
        self, row: dict[str, Any], own: str, known: tuple[str, ...], asked: dict[str, Any], table: str, place: int
    ) -> Question:
        options = tuple(asked["choices"]) if asked["label"] >= 0 else ()
        group = self._group(row["pool"], known[0]) if known else own
        texts = (row["dataset"], row["pool"], row["kind"], group, row["query"], row["instruction"])
        answers = tuple(row["answers"])
        nuggets = tuple(one["text"] for one in asked["nuggets"])
        own_type = (asked["type"], nuggets, asked["answerable"])
        return Question(own, *texts, known, answers, options, asked["label"], row["needs"], table, place, *own_type)

    def _asked(self, own: str) -> dict[str, Any]:
        """Options and type of a question, none where ``qa`` does not have it."""
        table = self._tables.get("qa")
        row = -1 if table is None else int(table.rows([own])[0])
        if table is None or row < 0:
            return {"choices": [], "label": -1, "type": "", "nuggets": [], "answerable": True}
        return {name: table.table.column(name)[row].as_py() for name in _ASKED}

    def _group(self, pool: str, document: str) -> str:
        """The group of a document; a document without one is its own."""
        table = self.documents(pool)
        row = int(table.rows([document])[0])
        return document if row < 0 else table.table.column("group")[row].as_py() or document

    def _rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        if table in self._tables:
            rows = self._tables[table].table.select(columns)
            for start in range(0, rows.num_rows, _ROWS):
                yield from enumerate(rows.slice(start, _ROWS).to_pylist(), start)


def _limited(questions: list[Question], limit: int | None) -> list[Question]:
    """At most ``limit`` questions of each dataset, in their order."""
    if limit is None:
        return questions
    by_dataset: dict[str, list[Question]] = {}
    for one in questions:
        by_dataset.setdefault(one.dataset, []).append(one)
    kept: list[Question] = []
    for several in by_dataset.values():
        first = sorted(several, key=lambda one: (keyed_hash(0, "evaluate", one.id), one.id))[:limit]
        kept += sorted(first, key=lambda one: one.id)
    return kept
