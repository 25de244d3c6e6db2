"""Outputs of the stages of question sets and imports, which the assembly reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.question_sets.importers.files import sources_of
from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.recipe import QaSet, Recipe, TextSet
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QA_SPLITS


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
