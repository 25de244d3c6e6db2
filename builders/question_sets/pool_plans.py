"""The pools of a recipe's question sets: which sources each unites, in the order of the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nyxqa.builders.question_sets.mixed.factory import open_mixed
from nyxqa.builders.question_sets.outputs import pool_of
from nyxqa.builders.question_sets.row_source import PASSAGES, kind_of_source, source_state
from nyxqa.schemas.recipe import QaSet, Recipe


@dataclass(frozen=True)
class PoolSource:
    """One source of the documents of a pool.

    :param spec: As the recipe names it.
    :param mixed: Whether it is a corpus of a ``[[qa]]`` set; else passages of a ``[[text]]`` set.
    :param license: Licence of documents that state none.
    """

    spec: str
    mixed: bool
    license: str | None

    @property
    def kind(self) -> str:
        """Kind of its reader; value of column ``source``."""
        return open_mixed(self.spec).kind if self.mixed else kind_of_source(self.spec)

    def state(self) -> Any:
        """What identifies its content, as JSON types."""
        return open_mixed(self.spec).state() if self.mixed else source_state(self.spec, PASSAGES)


@dataclass(frozen=True)
class PoolPlan:
    """The sources of one pool, and what of it is published.

    :param whole: Whether all documents are published, not only those that rows refer to.
    """

    name: str
    sources: tuple[PoolSource, ...]
    whole: bool

    @property
    def is_text(self) -> bool:
        """Whether it is one source of passages, which have neither images nor fields of their own."""
        return len(self.sources) == 1 and not self.sources[0].mixed

    def origins(self, section: QaSet) -> list[int]:
        """Numbers of the sources that are a section's own."""
        return [number for number, source in enumerate(self.sources) if source.mixed and source.spec in section.corpora]


def pool_plans(recipe: Recipe) -> list[PoolPlan]:
    """The pools of all question sets: passages first, then corpora, each source once."""
    sources: dict[str, dict[tuple[bool, str], PoolSource]] = {}
    whole: set[str] = set()
    for text in recipe.text:
        key = (False, text.passages)
        sources.setdefault(pool_of(text), {}).setdefault(key, PoolSource(text.passages, False, text.license))
        if text.keep == "all":
            whole.add(pool_of(text))
    for section in recipe.qa:
        for spec in section.corpora:
            own = PoolSource(spec, True, section.license)
            sources.setdefault(pool_of(section), {}).setdefault((True, spec), own)
        if section.keep == "all":
            whole.add(pool_of(section))
    return [PoolPlan(name, tuple(found.values()), name in whole) for name, found in sources.items()]
