"""The stages of a build, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nyxqa.builders.assembly.inputs import Assembly, Judgements, WebInputs
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.step import Step, StepOutput
from nyxqa.builders.mining.judging import judges
from nyxqa.builders.question_sets.outputs import Sets, set_splits
from nyxqa.builders.rows import question_rows
from nyxqa.builders.sources.base import Source
from nyxqa.builders.stages.assemble import assemble, split_step
from nyxqa.builders.stages.benchmark import benchmark
from nyxqa.builders.stages.captions import captions, captions_handle
from nyxqa.builders.stages.choices import choices
from nyxqa.builders.stages.chunk import chunk
from nyxqa.builders.stages.common_words import web_common_words
from nyxqa.builders.stages.dedup import dedup
from nyxqa.builders.stages.difficulty import difficulty
from nyxqa.builders.stages.filter import filter_documents
from nyxqa.builders.stages.images import images
from nyxqa.builders.stages.judge import judge, judged_rows
from nyxqa.builders.stages.negatives import index_documents, negatives
from nyxqa.builders.stages.prefilter import prefilter
from nyxqa.builders.stages.qrels import qrels
from nyxqa.builders.stages.refine import refine
from nyxqa.builders.stages.require_seeds import require_seeds
from nyxqa.builders.stages.review import review
from nyxqa.builders.stages.sample import sample
from nyxqa.builders.stages.secrets import secrets
from nyxqa.builders.stages.sets import build_sets
from nyxqa.builders.stages.source import source
from nyxqa.builders.stages.split import split as split_pages
from nyxqa.builders.stages.synthesize import synthesize
from nyxqa.builders.stages.unanswerable import unanswerable
from nyxqa.builders.stages.update import Published, Renewal, carry, join_published, read_parent
from nyxqa.builders.stages.verify import verify
from nyxqa.builders.update.carry import Remains
from nyxqa.builders.update.parent import Parent
from nyxqa.builders.vlm.factory import make_provider
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.schemas.errors import NyxqaError, PendingError
from nyxqa.schemas.recipe import Recipe, Web


@dataclass(frozen=True)
class Pages:
    """Outputs of the stages that need no model.

    :param documents: Documents of all splits.
    :param packs: Folder of their image packs.
    :param pages: Pages with their images, before they are cut.
    :param remains: What is left of the pages of a published version, in an update.
    :param published: That version.
    """

    documents: StepOutput
    packs: Path
    pages: StepOutput
    remains: Remains
    published: Published | None = None


@dataclass(frozen=True)
class Built:
    """The outputs of a build.

    :param splits: By split, the step that decides its published form.
    :param handle: The model, if one is used.
    :param verifier: The model that verifies, if it is another.
    :param benchmark: The index of the benchmarks, if any.
    """

    tables: StepOutput
    splits: dict[str, Step]
    handle: VlmHandle | None
    benchmark: StepOutput | None
    verifier: VlmHandle | None = None


def build_pages(
    run: Run,
    recipe: Recipe,
    web: Web,
    opened: Source,
    benchmark_index: StepOutput | None,
    splits: Sequence[str],
    answers: Path | None = None,
    parent: Parent | None = None,
    retry_failed: bool = False,
) -> Pages:
    """Run (or plan) the stages over all pages.

    :param opened: The source that ``web.source`` names.
    :param benchmark_index: The index of the benchmarks that documents are compared with, if any.
    :param splits: Splits that will be built, which must have documents to write questions about.
    :param answers: Folder of a model's stored answers; None leaves out its captions.
    :param parent: The published version that is updated, if one is.
    :param retry_failed: Whether captions that failed in an earlier run are asked for again.
    """
    published = None if parent is None else read_parent(run, parent, recipe.update)
    update = None if published is None else published.inputs
    pages = source(run, opened, web)
    pages = secrets(run, pages, recipe.filters)
    pages = prefilter(run, pages, recipe.prefilter, captions=recipe.chunk.unit == "page")
    pages, packs = images(run, pages, opened, recipe.images, recipe.dedup.image_distance)
    handle = None if answers is None else captions_handle(recipe, answers, packs, retry_failed)
    if handle is not None:
        pages = captions(run, pages, handle)
    chunks = chunk(run, pages, recipe.chunk)
    distinct = dedup(run, chunks, recipe.dedup, update)
    filtered = filter_documents(run, distinct, recipe.filters, benchmark_index, recipe.dedup.image_distance)
    documents = split_pages(run, filtered, recipe.split, recipe.dedup, recipe.sample.min_tokens, recipe.seed, update)
    require_seeds(run, documents, recipe.split, recipe.sample.min_tokens, splits, set_splits(recipe))
    remains = Remains(documents, chunks, (distinct, filtered, documents), tuple(recipe.negatives.exclude))
    return Pages(documents, packs, pages, remains, published)


def build(
    run: Run,
    recipe: Recipe,
    opened: Source | None,
    splits: Sequence[str],
    answers: Path,
    retry_failed: bool = False,
    parent: Parent | None = None,
) -> Built:
    """Run (or plan) every stage.

    :param opened: The source that ``recipe.web`` names; None without a web builder.
    :param splits: Splits to build, in the order train, validation, test.
    :param answers: Folder where a model's answers are stored.
    :param retry_failed: Whether questions that a model failed at in an earlier run are sent again.
    :param parent: The published version that is updated, if one is.
    """
    web, benchmark_index = None, benchmark(run, recipe.filters, recipe.images.max_pixels)
    handle = VlmHandle(recipe.vlm, recipe.seed, answers, Path(), retry_failed) if asks_model(recipe) else None
    if recipe.web is not None and opened is not None and handle is not None:
        pages = build_pages(run, recipe, recipe.web, opened, benchmark_index, splits, answers, parent, retry_failed)
        handle = replace(handle, packs=pages.packs)
        web = build_questions(run, recipe, pages, benchmark_index, handle, splits)
    sets = _sets(run, recipe, splits, benchmark_index, handle)
    reviews = review(run, recipe, run.work.parent, web, sets, splits)
    judged = _judged(run, recipe, web, sets, handle, splits)
    tables = assemble(run, Assembly(recipe, tuple(splits), web, sets, tuple(run.outputs()), reviews, judged))
    steps = {split: split_step(recipe, web, sets, split, reviews, judged) for split in splits}
    verifier = handle.verifier(recipe.verify.model) if web is not None and handle is not None else None
    return Built(tables, steps, handle, benchmark_index, verifier if verifier != handle else None)


def asks_model(recipe: Recipe) -> bool:
    """Whether a build of ``recipe`` uses the model that it names."""
    if recipe.web is not None:
        return True
    if not recipe.text and not recipe.qa:
        return False
    model = make_provider(recipe.vlm.model).info
    return judges(recipe.judge, model) or (bool(recipe.qrels.systems) and model.can_judge)


@contextmanager
def _closing(handle: VlmHandle | None) -> Iterator[None]:
    """An error closes the model, so that the next build of this process has a budget of its own.

    What waits for a batch is submitted before.
    """
    try:
        yield
    except PendingError as waiting:
        if handle is None:
            raise
        error = handle.submit(waiting)
        handle.close()
        raise error from None
    except NyxqaError:
        if handle is not None:
            handle.close()
        raise


def _judged(
    run: Run, recipe: Recipe, web: WebInputs | None, sets: Sets, handle: VlmHandle | None, splits: Sequence[str]
) -> dict[str, list[Judgements]]:
    """Run (or plan) the judgements of validation and test."""
    if handle is None:
        return {}
    with _closing(handle):
        return qrels(run, web, sets, handle, recipe.qrels, splits)


def build_questions(
    run: Run, recipe: Recipe, pages: Pages, benchmark_index: StepOutput | None, handle: VlmHandle, splits: Sequence[str]
) -> WebInputs:
    """Run (or plan) the stages that call the model, split by split; an error closes the model.

    Splits that wait for a batch do not hold up the others, and share it.
    """
    web = WebInputs(pages.documents, {}, pages.packs, updated=pages.published is not None)
    words = web_common_words(run, pages.documents) if "answer" in recipe.negatives.exclude else None
    waiting: PendingError | None = None
    with _closing(handle):
        kept = _carried(run, recipe, pages, handle, splits, words)
        for split in splits:
            update = None if pages.published is None else pages.published.inputs.of_split(split)
            seeds = sample(run, pages.documents, recipe.sample, recipe.split, recipe.seed, split, update)
            web = replace(web, seeds={**web.seeds, split: seeds})
            try:
                asked = _questions(run, recipe, pages, benchmark_index, handle, split, seeds, words, kept)
                questions = asked.questions
                if pages.published is not None and split in kept:
                    renewal = Renewal(recipe, pages.documents, asked.index, pages.packs, words, handle)
                    questions = join_published(run, pages.published, questions, kept[split], renewal, split)
                web = replace(web, questions={**web.questions, split: questions})
                if asked.judged is not None:
                    web = replace(web, judged={**web.judged, split: asked.judged})
            except PendingError as error:
                waiting = error
        if waiting is not None:
            raise waiting
    return web


def _carried(
    run: Run, recipe: Recipe, pages: Pages, handle: VlmHandle, splits: Sequence[str], words: StepOutput | None
) -> dict[str, StepOutput]:
    """Run (or plan) what keeps the published questions of an update, by split."""
    if pages.published is None:
        return {}
    return carry(run, pages.published, replace(pages.remains, words=words), handle, recipe, splits)


def _sets(
    run: Run, recipe: Recipe, splits: Sequence[str], benchmark_index: StepOutput | None, handle: VlmHandle | None
) -> Sets:
    """Run (or plan) the stages of question sets and imports; an error closes the model."""
    if handle is None or not judges(recipe.judge, handle.info):
        return build_sets(run, recipe, splits, benchmark_index)
    with _closing(handle):
        return build_sets(run, recipe, splits, benchmark_index, handle)


@dataclass(frozen=True)
class _Asked:
    """The questions of one split.

    :param judged: Output of stage ``judge``, if it is on.
    :param index: The index of the documents of the split.
    """

    questions: StepOutput
    judged: StepOutput | None
    index: StepOutput


def _questions(
    run: Run,
    recipe: Recipe,
    pages: Pages,
    benchmark_index: StepOutput | None,
    handle: VlmHandle,
    split: str,
    seeds: StepOutput,
    words: StepOutput | None,
    published: Mapping[str, StepOutput],
) -> _Asked:
    """Run (or plan) the stages of one split after ``sample``.

    :param published: Published questions that stay, by split.
    """
    schema = question_rows(recipe.synthesize.has_kinds)
    drafts = synthesize(run, seeds, pages.documents, handle, recipe.synthesize, split)
    threshold = recipe.dedup.threshold if recipe.dedup.enabled else None
    questions = refine(run, drafts, handle, recipe.refine, threshold, split, benchmark_index, schema, published)
    questions = verify(run, questions, handle.verifier(recipe.verify.model), recipe.verify, split, schema)
    questions = choices(run, questions, handle, recipe.choices, recipe.negatives.encoder, split, schema)
    index = index_documents(run, pages.documents, pages.packs, recipe.negatives, split)
    questions = negatives(run, questions, index, pages.packs, recipe.negatives, split, words, schema)
    judged = None
    if judges(recipe.judge, handle.info):
        questions = judged = judge(run, questions, pages.documents, handle, recipe.judge, split, schema)
        schema = judged_rows(schema)
    if share := recipe.synthesize.unanswerable:
        found = (pages.documents, index, pages.packs)
        questions = unanswerable(run, questions, *found, handle, share, recipe.negatives, split, schema)
    if recipe.filters.difficulty and recipe.filters.enabled:
        by = (recipe.filters, recipe.negatives)
        questions = difficulty(run, questions, pages.documents, pages.packs, *by, split, schema)
    return _Asked(questions, judged, index)
