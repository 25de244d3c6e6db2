"""Outputs of the stages of question sets and imports, which the assembly reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.question_sets.importers.files import sources_of
from nyxqa.schemas.recipe import Recipe, TextSet


@dataclass(frozen=True)
class PoolParts:
    """A passage pool.

    :param folder: Folder of the ``PassagePool``.
    :param source: Kind of its reader; value of column ``source``.
    :param whole: Whether all passages are published, not only those that triplets refer to.
    """

    name: str
    fingerprint: str
    folder: Path
    source: str
    license: str | None
    whole: bool


@dataclass(frozen=True)
class SetParts:
    """Triplets of one set and split.

    :param stage: Name of the stage that wrote them.
    :param triplets: Rows of ``SET_TRIPLETS``; the folder of an import's also has its image packs.
    :param questions: Outputs of the stage's earlier steps, whose ledgers count in its report.
    :param text: Section of a question set; None for an import.
    """

    stage: str
    split: str
    pool: str
    triplets: StepOutput
    questions: tuple[StepOutput, ...] = ()
    text: TextSet | None = None


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
            [part.stage, part.triplets.fingerprint, *_publishing(pools.get(part.pool))] for part in self.of_split(split)
        ]


def _publishing(pool: PoolParts | None) -> list[object]:
    return [] if pool is None else [pool.name, pool.license, pool.whole]


def set_splits(recipe: Recipe) -> set[str]:
    """Return the splits for which a question set or an import of the recipe has rows."""
    splits: set[str] = {text.split for text in recipe.text}
    return splits | {source.split for section in recipe.imports for source in sources_of(section)}


def pool_of(text: TextSet) -> str:
    """Return the name of the pool of a question set."""
    return text.pool or text.name
