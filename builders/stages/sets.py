"""Stages of question sets and imports, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.question_sets.outputs import PoolParts, SetParts, Sets, pool_of
from nyxqa.builders.question_sets.row_source import kind_of_source
from nyxqa.builders.stages.common_words import pool_common_words
from nyxqa.builders.stages.imports import import_sets
from nyxqa.builders.stages.names import import_stage, text_stage
from nyxqa.builders.stages.passages import passage_index, passages
from nyxqa.builders.stages.text_questions import decontaminate_questions, find_gold, read_set_questions
from nyxqa.builders.stages.text_triplets import mine_triplets
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.schemas.recipe import Import, Recipe, TextSet
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QA_SPLITS

Indexes = dict[tuple[str, str], StepOutput]


def build_sets(run: Run, recipe: Recipe, splits: Sequence[str], benchmark: StepOutput | None) -> Sets:
    """Pools and triplets of the question sets and imports of ``splits``.

    :param benchmark: The index of ``filters.decontaminate``, if that names files; question sets are compared with it.
    """
    names = list(dict.fromkeys(text.name for text in recipe.text))
    texts = [text for text in recipe.text if text.split in splits]
    texts.sort(key=lambda text: (names.index(text.name), QA_SPLITS.index(text.split)))
    wanted = {pool_of(text) for text in texts}
    sources = {pool_of(text): text.passages for text in recipe.text if pool_of(text) in wanted}
    outputs = {pool: passages(run, pool, spec) for pool, spec in sources.items()}
    indexes = _indexes(run, texts, outputs)
    by_answer = dict.fromkeys(pool_of(text) for text in texts if "answer" in text.exclude)
    words = {pool: pool_common_words(run, pool, outputs[pool]) for pool in by_answer}
    parts = [_text(run, text, outputs[pool_of(text)], indexes, benchmark, words) for text in texts]
    parts += _imports(run, recipe, splits)
    pools = tuple(_pool(pool, recipe, folder) for pool, folder in outputs.items())
    return Sets(pools, tuple(sorted(parts, key=lambda part: QA_SPLITS.index(part.split))))


def _indexes(run: Run, texts: Sequence[TextSet], pools: dict[str, StepOutput]) -> Indexes:
    """The index of each pool by each encoder that a set uses."""
    keys = dict.fromkeys((pool_of(text), text.encoder) for text in texts)
    encoders = {spec: make_encoder(spec) for _, spec in keys}  # computes each fingerprint once
    return {(pool, spec): passage_index(run, pool, pools[pool], encoders[spec], is_dense(spec)) for pool, spec in keys}


def _text(
    run: Run,
    text: TextSet,
    pool: StepOutput,
    indexes: Indexes,
    benchmark: StepOutput | None,
    words: dict[str, StepOutput],
) -> SetParts:
    questions = read_set_questions(run, text)
    steps = [questions]
    if benchmark is not None:
        questions = decontaminate_questions(run, text, questions, benchmark)
        steps.append(questions)
    evidence = find_gold(run, text, questions, pool) if text.positive == "gold" else None
    index = indexes[pool_of(text), text.encoder]
    common = words.get(pool_of(text)) if "answer" in text.exclude else None
    triplets = mine_triplets(run, text, questions, pool, index, evidence, benchmark, common)
    return SetParts(text_stage(text.name), text.split, pool_of(text), triplets, tuple(steps), text)


def _imports(run: Run, recipe: Recipe, splits: Sequence[str]) -> list[SetParts]:
    by_kind: dict[str, list[Import]] = {}
    for section in recipe.imports:
        by_kind.setdefault(section.kind, []).append(section)
    parts = []
    for kind, sections in by_kind.items():
        for split in splits:
            triplets = import_sets(run, sections, cast(Split, split), recipe.images)
            if triplets is not None:
                parts.append(SetParts(import_stage(kind), split, kind, triplets))
    return parts


def _pool(pool: str, recipe: Recipe, output: StepOutput) -> PoolParts:
    sections = [text for text in recipe.text if pool_of(text) == pool]
    return PoolParts(
        pool,
        output.fingerprint,
        output.folder,
        kind_of_source(sections[0].passages),
        sections[0].license,
        any(text.keep == "all" for text in sections),
    )
