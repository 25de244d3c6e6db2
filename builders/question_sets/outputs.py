"""Outputs of the stages of question sets and imports, which the assembly reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.question_sets.importers.triplets import sources_of
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.rows import LOCATOR, SET_LOCATOR
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import QaSet, Recipe, TextSet
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QA_SPLITS, TRIPLETS

_S, _I32, _I64 = pa.string(), pa.int32(), pa.int64()
# A question of a set. ``name`` is the ledger name of its source row; equal ``key`` means an equal question.
SET_QUESTIONS = pa.schema(
    [
        ("name", _S),
        ("query_id", _S),
        ("key", _S),
        ("text", _S),
        ("answers", pa.list_(_S)),
        ("gold", pa.list_(pa.struct([("title", _S), ("text", _S), ("passage_id", _S)]))),
    ]
)
# Rows of the pool that are annotated as evidence, aligned with the files and rows of the questions.
GOLD = pa.schema([("name", _S), ("rows", pa.list_(_I64))])
# A document of a triplet: a row of its pool, or (of an import) the content itself.
SET_DOCUMENT = pa.struct([("doc_id", _S), ("row", _I64), ("text", _S), ("images", pa.list_(SET_LOCATOR))])
# Counted by the reports: whether the positive contains an answer; passages excluded as negatives, by rule; repairs by
# column; reasons for which negatives were dropped.
_REPORTED = [
    ("holds", pa.bool_()),
    ("excluded", pa.list_(pa.struct([("rule", _S), ("count", _I32)]))),
    ("repairs", pa.list_(pa.struct([("column", _S), ("repair", _S)]))),
    ("lost", pa.list_(_S)),
]
# A triplet of a set. ``documents`` are all documents that it refers to, without repeats, positives first.
SET_TRIPLETS = pa.schema(
    [
        ("name", _S),
        ("key", _S),
        *[field for field in TRIPLETS.schema if field.name not in ("query_images", "query_image_ids")],
        ("query_images", pa.list_(SET_LOCATOR)),
        ("documents", pa.list_(SET_DOCUMENT)),
        *_REPORTED,
    ]
)
_REPAIRS = pa.list_(pa.struct([("column", _S), ("repair", _S)]))
# A document of a corpus of a ``[[qa]]`` set. ``origin`` is the number of its source among those of the pool.
POOL_DOCUMENTS = pa.schema(
    [
        ("name", _S),
        ("origin", _I32),
        ("external_id", _S),
        ("title", _S),
        ("text", _S),
        ("images", pa.list_(LOCATOR)),
        ("url", _S),
        ("license", _S),
        ("language", _S),
        ("source", _S),
        ("repairs", _REPAIRS),
    ]
)
# A question of a ``[[qa]]`` set. ``relevant`` names documents by their id, or by the key of their content.
QA_QUESTIONS = pa.schema(
    [
        ("name", _S),
        ("query_id", _S),
        ("key", _S),
        ("text", _S),
        ("images", pa.list_(SET_LOCATOR)),
        ("answers", pa.list_(_S)),
        ("answer_long", _S),
        ("choices", pa.list_(_S)),
        ("label", _I32),
        ("type", _S),
        ("needs", _S),
        ("instruction", _S),
        ("relevant", pa.list_(pa.struct([("id", _S), ("key", _S), ("grade", _I32)]))),
        ("repairs", _REPAIRS),
    ]
)
# Rows of the pool that are known to answer a question, with their grades, and the names of those it does not have.
RELEVANT_ROWS = pa.schema(
    [("name", _S), ("rows", pa.list_(_I64)), ("grades", pa.list_(_I32)), ("missing", pa.list_(_S))]
)
# What was retrieved for each question, best first.
HITS = pa.schema([("name", _S), ("rows", pa.list_(_I64)), ("scores", pa.list_(pa.float64()))])
# What table ``qa`` has about a question of a set, beside its triplet.
SET_ANSWERED = [
    ("answer_long", _S),
    ("choices", pa.list_(_S)),
    ("label", _I32),
    ("type", _S),
    ("page_id", _S),
    ("source", _S),
    ("grades", pa.list_(pa.struct([("doc_id", _S), ("grade", _I32)]))),
]
# A question of a ``[[qa]]`` set: without positives it is not a triplet, without answers it is not in ``qa``.
QA_ROWS = pa.schema([*SET_TRIPLETS, *SET_ANSWERED])


@dataclass(frozen=True)
class PoolParts:
    """A passage pool.

    :param folder: Folder of the ``PassagePool``.
    :param source: Kind of its reader; value of column ``source`` of documents that have none of their own.
    :param read: Rows that were read for it, with their repairs; None for a pool of passages alone.
    :param whole: Whether all passages are published, not only those that triplets refer to.
    """

    name: str
    fingerprint: str
    folder: Path
    source: str
    license: str | None
    whole: bool
    read: StepOutput | None = None


@dataclass(frozen=True)
class SetParts:
    """Triplets of one set and split.

    :param stage: Name of the stage that wrote them.
    :param triplets: Rows of ``SET_TRIPLETS``; the folder of an import's also has its image packs.
    :param questions: Outputs of the stage's earlier steps, whose ledgers count in its report.
    :param text: Section of a question set; None for an import.
    :param packs: Folder of the image packs, if that is not the folder of the triplets.
    :param hits: What was retrieved for each question, if all of it is published.
    :param judged: Output of the step that judged its negatives, if they were.
    """

    stage: str
    split: str
    pool: str
    triplets: StepOutput
    questions: tuple[StepOutput, ...] = ()
    text: TextSet | QaSet | None = None
    packs: Path | None = None
    hits: StepOutput | None = None
    judged: StepOutput | None = None


@dataclass(frozen=True)
class Sets:
    """All pools and sets of a build; sets of train first, then validation, then test. Web pages are not a pool."""

    pools: tuple[PoolParts, ...] = ()
    triplets: tuple[SetParts, ...] = ()

    def of_split(self, split: str) -> list[SetParts]:
        """Return the sets of one split."""
        return [part for part in self.triplets if part.split == split]

    def decisive(self, split: str) -> list[object]:
        """Return what determines how the sets of one split are published, apart from the recipe's other sections."""
        pools = {pool.name: pool for pool in self.pools}
        return [
            [
                part.stage,
                part.triplets.fingerprint,
                *_publishing(pools.get(part.pool)),
                *([] if part.hits is None else [part.hits.fingerprint]),
            ]
            for part in self.of_split(split)
        ]


def _publishing(pool: PoolParts | None) -> list[object]:
    return [] if pool is None else [pool.name, pool.license, pool.whole]


def set_splits(recipe: Recipe) -> set[str]:
    """Return the splits for which a question set or an import of the recipe has rows."""
    splits: set[str] = {text.split for text in recipe.text}
    splits.update(split for section in recipe.qa for split in qa_splits(section))
    return splits | {source.split for section in recipe.imports for source in sources_of(section)}


def qa_splits(section: QaSet) -> list[Split]:
    """Return the splits of a ``[[qa]]`` set that the recipe reads, in their order.

    :raises WorldError: If the source is missing, or does not have the split that the recipe names.
    """
    source = open_mixed(section.questions, section.split or "train")
    there = source.splits()
    if section.split is not None and section.split not in there:
        raise WorldError(
            f"[[qa]] {section.name}: {section.questions} has no questions of split {section.split}; it has "
            f"{', '.join(sorted(there)) or 'none'}"
        )
    return [split for split in QA_SPLITS if split in there and section.split in (None, split)]


def pool_of(section: TextSet | QaSet) -> str:
    """Return the name of the pool of a question set."""
    return section.pool or section.name
