"""The stages of question sets and imports, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.question_sets.outputs import PoolParts, SetParts, Sets, pool_of
from nyxqa.builders.question_sets.row_source import kind_of_source
from nyxqa.builders.stages.imports import imported
from nyxqa.builders.stages.names import import_stage, text_stage
from nyxqa.builders.stages.passages import passage_index, passages
from nyxqa.builders.stages.text_questions import gold, questions, uncontaminated
from nyxqa.builders.stages.text_triplets import mine
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.schemas.recipe import Import, Recipe, TextSet
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QA_SPLITS

Indexes = dict[tuple[str, str], StepOutput]


def build_sets(run: Run, recipe: Recipe, splits: Sequence[str], benchmark: StepOutput | None) -> Sets:
    """Pools and triplets of all question sets and imports of ``splits``.

    :param benchmark: The index of ``filters.decontaminate``, if that names files; question sets are held against it.
    """
    names = list(dict.fromkeys(text.name for text in recipe.text))
    texts = [text for text in recipe.text if text.split in splits]
    texts.sort(key=lambda text: (names.index(text.name), QA_SPLITS.index(text.split)))
    wanted = {pool_of(text) for text in texts}
    sources = {pool_of(text): text.passages for text in recipe.text if pool_of(text) in wanted}
    made = {pool: passages(run, pool, spec) for pool, spec in sources.items()}
    indexes = _indexes(run, texts, made)
    parts = [_text(run, text, made[pool_of(text)], indexes[pool_of(text), text.encoder], benchmark) for text in texts]
    parts += _imports(run, recipe, splits)
    pools = tuple(_pool(pool, recipe, folder) for pool, folder in made.items())
    return Sets(pools, tuple(sorted(parts, key=lambda part: QA_SPLITS.index(part.split))))


def _indexes(run: Run, texts: Sequence[TextSet], made: dict[str, StepOutput]) -> Indexes:
    """The index of each pool by each encoder that a set asks for."""
    pairs = dict.fromkeys((pool_of(text), text.encoder) for text in texts)
    encoders = {spec: make_encoder(spec) for _, spec in pairs}  # each works out its fingerprint once
    return {(pool, spec): passage_index(run, pool, made[pool], encoders[spec], is_dense(spec)) for pool, spec in pairs}


def _text(run: Run, text: TextSet, pool: StepOutput, index: StepOutput, benchmark: StepOutput | None) -> SetParts:
    asked = questions(run, text)
    steps = [asked]
    if benchmark is not None:
        asked = uncontaminated(run, text, asked, benchmark)
        steps.append(asked)
    evidence = gold(run, text, asked, pool) if text.positive == "gold" else None
    triplets = mine(run, text, asked, pool, index, evidence, benchmark)
    return SetParts(text_stage(text.name), text.split, pool_of(text), triplets, tuple(steps), text)


def _imports(run: Run, recipe: Recipe, splits: Sequence[str]) -> list[SetParts]:
    by_kind: dict[str, list[Import]] = {}
    for section in recipe.imports:
        by_kind.setdefault(section.kind, []).append(section)
    found = []
    for kind, sections in by_kind.items():
        for split in splits:
            triplets = imported(run, sections, cast(Split, split), recipe.images)
            if triplets is not None:
                found.append(SetParts(import_stage(kind), split, kind, triplets))
    return found


def _pool(pool: str, recipe: Recipe, made: StepOutput) -> PoolParts:
    sections = [text for text in recipe.text if pool_of(text) == pool]
    return PoolParts(
        pool,
        made.fingerprint,
        made.folder,
        kind_of_source(sections[0].passages),
        sections[0].license,
        any(text.keep == "all" for text in sections),
    )
