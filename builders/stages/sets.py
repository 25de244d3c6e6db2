"""Stages of question sets and imports, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import StepOutput
from nyxqa.builders.question_sets.outputs import PoolParts, SetParts, Sets, pool_of, qa_splits
from nyxqa.builders.question_sets.pools import PoolPlan, pool_plans
from nyxqa.builders.stages.common_words import pool_common_words
from nyxqa.builders.stages.imports import import_sets
from nyxqa.builders.stages.judge import judge_set
from nyxqa.builders.stages.names import import_stage, qa_stage, text_stage
from nyxqa.builders.stages.passages import passage_index, passages
from nyxqa.builders.stages.pools import documents
from nyxqa.builders.stages.qa_questions import clean_qa_questions, find_relevant, read_qa_questions
from nyxqa.builders.stages.qa_triplets import mine_qa
from nyxqa.builders.stages.set_search import SetSearcher, search_set
from nyxqa.builders.stages.text_questions import decontaminate_questions, find_gold, read_set_questions
from nyxqa.builders.stages.text_triplets import mine_triplets
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.retriever.encoders.factory import is_dense, make_encoder
from nyxqa.schemas.recipe import Images, Import, QaSet, Recipe, TextSet
from nyxqa.schemas.recipe_types import Split
from nyxqa.schemas.tables import QA_SPLITS

Indexes = dict[tuple[str, str], StepOutput]


def build_sets(
    run: Run, recipe: Recipe, splits: Sequence[str], benchmark: StepOutput | None, judge: VlmHandle | None = None
) -> Sets:
    """Pools and triplets of the question sets and imports of ``splits``.

    :param benchmark: The index of ``filters.decontaminate``, if that names files; question sets are compared with it.
    :param judge: The model that judges negatives, if they are judged.
    """
    names = list(dict.fromkeys(section.name for section in recipe.qa))
    questions = [(section, split) for section in recipe.qa for split in qa_splits(section) if split in splits]
    questions.sort(key=lambda one: (names.index(one[0].name), QA_SPLITS.index(one[1])))
    names = list(dict.fromkeys(text.name for text in recipe.text))
    texts = [text for text in recipe.text if text.split in splits]
    texts.sort(key=lambda text: (names.index(text.name), QA_SPLITS.index(text.split)))
    wanted = {pool_of(text) for text in texts} | {pool_of(section) for section, _ in questions}
    plans = {plan.name: plan for plan in pool_plans(recipe) if plan.name in wanted}
    pools = {name: _pool(run, plan, recipe.images) for name, plan in plans.items()}
    outputs = {name: pool.output for name, pool in pools.items()}
    sections: list[TextSet | QaSet] = [*texts, *(section for section, _ in questions)]
    indexes = _indexes(run, sections, outputs)
    by_answer = dict.fromkeys(pool_of(one) for one in sections if "answer" in one.exclude)
    words = {pool: pool_common_words(run, pool, outputs[pool]) for pool in by_answer}
    parts = [_text(run, text, outputs[pool_of(text)], indexes, benchmark, words) for text in texts]
    for section, split in questions:
        pool = pool_of(section)
        place = _Place(outputs[pool], indexes[pool, section.encoder], plans[pool].origins(section), words.get(pool))
        parts.append(_qa(run, section, split, recipe.images, place, benchmark))
    if judge is not None:
        parts = [_judged(run, recipe, part, outputs[part.pool], judge) for part in parts]
    parts += _imports(run, recipe, splits)
    return Sets(
        tuple(pool.parts for pool in pools.values()), tuple(sorted(parts, key=lambda part: QA_SPLITS.index(part.split)))
    )


def _indexes(run: Run, texts: Sequence[TextSet | QaSet], pools: dict[str, StepOutput]) -> Indexes:
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
    stage, hits = text_stage(text.name), None
    if text.keep == "retrieved":
        searcher = SetSearcher(text.name, text.encoder, text.top_k, pool.folder, index.folder, None)
        hits = search_set(run, stage, text.split, searcher, (questions, index))
    triplets = mine_triplets(run, text, questions, pool, index, evidence, benchmark, common, hits)
    return SetParts(stage, text.split, pool_of(text), triplets, tuple(steps), text, hits=hits)


def _judged(run: Run, recipe: Recipe, part: SetParts, pool: StepOutput, model: VlmHandle) -> SetParts:
    if part.text is None:
        return part
    if part.packs is not None:
        model = replace(model, packs=part.packs)
    judged = judge_set(run, part, pool, model, recipe.judge)
    return replace(part, triplets=judged, questions=(*part.questions, part.triplets), judged=judged)


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


@dataclass(frozen=True)
class _Pool:
    """A pool that was made, and what the assembly needs of it."""

    output: StepOutput
    parts: PoolParts


def _pool(run: Run, plan: PoolPlan, images: Images) -> _Pool:
    """Make a pool: of one source of passages as it is read, of others with their images."""
    first = plan.sources[0]
    if plan.is_text:
        output, read = passages(run, plan.name, first.spec), None
    else:
        output, read = documents(run, plan, images)
    parts = PoolParts(plan.name, output.fingerprint, output.folder, first.kind, first.license, plan.whole, read)
    return _Pool(output, parts)


@dataclass(frozen=True)
class _Place:
    """Where a ``[[qa]]`` set is searched.

    :param origins: Numbers of the pool's sources that are the set's own.
    :param words: The common words of the pool, where a set excludes negatives by their answer.
    """

    pool: StepOutput
    index: StepOutput
    origins: list[int]
    words: StepOutput | None


def _qa(
    run: Run,
    section: QaSet,
    split: Split,
    images: Images,
    place: _Place,
    benchmark: StepOutput | None,
) -> SetParts:
    """One split of a ``[[qa]]`` set."""
    pool, index = place.pool, place.index
    questions = read_qa_questions(run, section, split, images)
    packs, steps = questions.folder, [questions]
    if benchmark is not None:
        questions = clean_qa_questions(run, section, split, questions, benchmark)
        steps.append(questions)
    relevant = find_relevant(run, section, split, questions, pool, place.origins)
    searcher = SetSearcher(section.name, section.encoder, section.top_k, pool.folder, index.folder, packs)
    hits = search_set(run, qa_stage(section.name), split, searcher, (questions, index))
    rows = mine_qa(
        run,
        section,
        split,
        (questions, pool, relevant, hits),
        benchmark,
        place.words if "answer" in section.exclude else None,
    )
    kept = hits if section.keep == "retrieved" else None
    return SetParts(qa_stage(section.name), split, pool_of(section), rows, tuple(steps), section, packs, kept)
