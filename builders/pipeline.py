"""The build: the stages in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nyxqa.builders.assembly.inputs import Assembly, WebInputs
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Parts, Step
from nyxqa.builders.stages.assemble import assemble, split_step
from nyxqa.builders.stages.benchmark import benchmark
from nyxqa.builders.stages.choices import choices
from nyxqa.builders.stages.chunk import chunk
from nyxqa.builders.stages.dedup import dedup
from nyxqa.builders.stages.filter import filter_documents
from nyxqa.builders.stages.images import images, pack_folder
from nyxqa.builders.stages.negatives import negatives
from nyxqa.builders.stages.prefilter import prefilter
from nyxqa.builders.stages.refine import refine
from nyxqa.builders.stages.require_seeds import filled
from nyxqa.builders.stages.sample import sample
from nyxqa.builders.stages.sets import build_sets
from nyxqa.builders.stages.source import source
from nyxqa.builders.stages.split import split as split_pages
from nyxqa.builders.stages.synthesize import synthesize
from nyxqa.builders.stages.verify import verify
from nyxqa.builders.vlm.handle import Asking
from nyxqa.schemas.errors import NyxqaError
from nyxqa.schemas.recipe import Recipe, Web


@dataclass(frozen=True)
class Read:
    """What was read before any model is asked.

    :param documents: Documents of all splits.
    :param packs: Folder of their image packs.
    """

    documents: Parts
    packs: Path


@dataclass(frozen=True)
class Built:
    """What a build made: the assembled tables, and for each split the step that decides its published form.

    :param asking: The model that was asked, if there is a web builder.
    :param benchmark: The index of the benchmarks it was held against, if any.
    """

    tables: Parts
    splits: dict[str, Step]
    asking: Asking | None
    benchmark: Parts | None


def read(run: Run, recipe: Recipe, web: Web, known: Parts | None, splits: Sequence[str]) -> Read:
    """Run (or plan) the stages over all pages.

    :param known: The index of the benchmarks that documents are held against, if any.
    :param splits: Splits that will be built, which must have documents to ask about.
    """
    pages = source(run, web)
    pages = prefilter(run, pages, recipe.prefilter)
    packs = pack_folder(run, pages, recipe.images)
    pages = images(run, pages, web, recipe.images, recipe.dedup.image_distance)
    chunks = chunk(run, pages, recipe.chunk)
    documents = dedup(run, chunks, recipe.dedup)
    documents = filter_documents(run, documents, recipe.filters, known, recipe.dedup.image_distance)
    documents = split_pages(run, documents, recipe)
    filled(run, documents, recipe, splits)
    return Read(documents, packs)


def build(run: Run, recipe: Recipe, splits: Sequence[str], answers: Path, retry_failed: bool = False) -> Built:
    """Run (or plan) every stage for ``splits``, given in the order train, validation, test."""
    web, asking, known = None, None, benchmark(run, recipe)
    if recipe.web is not None:
        found = read(run, recipe, recipe.web, known, splits)
        asking = Asking(recipe.vlm, recipe.seed, answers, found.packs, retry_failed)
        seeds, questions = ask(run, recipe, found, known, asking, splits)
        web = WebInputs(found.documents, questions, found.packs, seeds)
    sets = build_sets(run, recipe, splits, known)
    tables = assemble(run, Assembly(recipe, tuple(splits), web, sets, tuple(run.outputs())))
    return Built(tables, {split: split_step(recipe, web, sets, split) for split in splits}, asking, known)


def ask(
    run: Run, recipe: Recipe, found: Read, known: Parts | None, asking: Asking, splits: Sequence[str]
) -> tuple[dict[str, Parts], dict[str, Parts]]:
    """Run (or plan) the stages that ask the model: seeds and questions of each split; an error gives the model up."""
    seeds: dict[str, Parts] = {}
    questions: dict[str, Parts] = {}
    try:
        for split in splits:
            seeds[split] = sample(run, found.documents, recipe, split)
            questions[split] = _questions(run, recipe, found, known, asking, split, seeds[split])
    except NyxqaError:
        asking.close()  # the next build of this process has a budget of its own
        raise
    return seeds, questions


def _questions(
    run: Run, recipe: Recipe, found: Read, known: Parts | None, asking: Asking, split: str, seeds: Parts
) -> Parts:
    """Run (or plan) the stages of one split behind ``sample``."""
    drafts = synthesize(run, seeds, asking, recipe.synthesize, split)
    asked = refine(run, drafts, asking, recipe, split, known)
    asked = verify(run, asked, asking, recipe.verify, split)
    asked = choices(run, asked, asking, recipe.choices, recipe.negatives.encoder, split)
    return negatives(run, asked, found.documents, found.packs, recipe.negatives, split)
