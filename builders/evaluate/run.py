"""``nyxqa evaluate``: rank, answer, compare, and write the figures beside the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from nyxqa.builders.engine.executors.factory import make_executor
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.engine.run import Run
from nyxqa.builders.engine.workdir import begin_generation, output_folder
from nyxqa.builders.engine.working_run import WorkingRun
from nyxqa.builders.evaluate.answers import CLOSED_BOOK, Answers, answers, closed_book, is_asked, request
from nyxqa.builders.evaluate.markdown import render
from nyxqa.builders.evaluate.options import EvaluateOptions, system_names
from nyxqa.builders.evaluate.questions import EvalSet
from nyxqa.builders.evaluate.rankings import STAGE, Ranking, rankings
from nyxqa.builders.evaluate.report import Measured, figures
from nyxqa.builders.evaluate.reranking import reranked
from nyxqa.builders.evaluate.result import FOLDER, Evaluation, plots
from nyxqa.builders.evaluate.run_files import read_run
from nyxqa.builders.evaluate.run_mapping import map_run
from nyxqa.builders.publish.publish import complete_publishing
from nyxqa.builders.report.estimate import Cost, Estimate, picture_tokens, text_tokens
from nyxqa.builders.vlm.handle import VlmHandle
from nyxqa.builders.vlm.prompt import content_parts, load_prompt, numbered_documents
from nyxqa.builders.vlm.protocol import VlmImage
from nyxqa.retriever.cross_encoder import make_reranker
from nyxqa.retriever.encoders.factory import make_encoder
from nyxqa.schemas.errors import FormatError, PendingError, UsageError
from nyxqa.schemas.loading.published import open_published
from nyxqa.schemas.recipe import Recipe

HOW = (
    "Each prompt is counted once, whichever systems retrieved its documents. Prompt tokens: text at 4 characters a "
    "token (1 outside ASCII), pictures at 28 x 28 pixels a token within vlm.max_pixels. Retries are not included; "
    "answers already stored are not subtracted."
)
_CACHE = 100_000  # documents whose cost is cached: several systems retrieve them


def evaluate_dataset(data: Path, options: EvaluateOptions, progress: Progress) -> Evaluation:
    """Rank the documents for each question with each retriever, let the model answer, and write the figures.

    :param data: Folder of the dataset; it needs no work folder.
    :raises NyxqaError: If a step fails, as the subclass that fits; nothing is written then.
    """
    names = checked(options)
    with opened(data, options, progress) as (run, questions, notes):
        handle = model_of(questions, options, run.work)
        try:
            if handle is not None:
                handle.collect()  # what batches of an earlier run answered
            measured = _measured(run, questions, options, names, notes, handle)
        except PendingError as waiting:
            raise waiting if handle is None else handle.submit(waiting) from None
        finally:
            if handle is not None:
                handle.close()
        found, name = figures(measured, options), options.file_name
        drawn = plots(found, name)
        evaluation = Evaluation(data / FOLDER, name, found, render(found, name, list(drawn)), drawn)
        evaluation.write()
        return evaluation


def estimate(data: Path, options: EvaluateOptions, progress: Progress) -> Estimate:
    """The most requests, tokens and images that an evaluation needs; documents are ranked, no model is asked.

    :param data: Folder of the dataset.
    :raises UsageError: If no model is named.
    :raises NyxqaError: If a step fails, as the subclass that fits.
    """
    names = checked(options)
    if options.vlm is None:
        raise UsageError("--estimate tells what a model would be asked; name it with --vlm")
    with opened(data, options, progress) as (run, questions, _):
        manifest = questions.manifest
        recipe = options.recipe(manifest.seed, manifest.recipe)
        others, _ = other_rankings(questions, options)
        ranked = all_rankings(run, questions, options, names, others)
        return estimate_answers(questions, ranked, options.top_k, recipe)


def checked(options: EvaluateOptions) -> dict[str, str]:
    """Name in tables of each retriever, numbered where two models have the same name.

    :raises UsageError: If an option is not valid, or a retriever is unknown.
    """
    options.check()
    if options.reranker is not None:
        make_reranker(options.reranker)
    names = system_names(options.retrievers)
    for system in {*options.runs} & {*names.values(), CLOSED_BOOK}:
        raise UsageError(f"--run {system}: another system has this name; choose another")
    return names


@contextmanager
def opened(data: Path, options: EvaluateOptions, progress: Progress) -> Iterator[tuple[WorkingRun, EvalSet, list[str]]]:
    """A run in the dataset's folder, its questions, and what readers must know of their pools.

    :raises FormatError: If ``data`` is not a folder of a dataset.
    """
    if not data.is_dir():
        raise FormatError(
            f"{data} is not a folder; build a dataset with: python -m nyxqa.build --split all --out {data}"
        )
    with output_folder(data) as work:
        complete_publishing(data)
        questions = EvalSet(open_published(data), options.split, options.datasets, options.limit)
        notes = pool_notes(questions)
        for note in notes:
            progress.say(note)
        with make_executor(options.executor, options.workers, data) as executor:
            yield WorkingRun(work, executor, progress, traced=False), questions, notes


def model_of(questions: EvalSet, options: EvaluateOptions, work: Path) -> VlmHandle | None:
    """The model that answers, if one is named; its answers lie where those of builds and feedback do."""
    if options.vlm is None:
        return None
    recipe = options.recipe(questions.manifest.seed, questions.manifest.recipe)
    handle = VlmHandle(recipe.vlm, recipe.seed, work / "answers", Path(), options.retry_failed)
    if options.retry_failed and handle.failures():
        begin_generation(work, STAGE)
    return handle


def _measured(
    run: Run,
    questions: EvalSet,
    options: EvaluateOptions,
    names: Mapping[str, str],
    notes: Sequence[str],
    handle: VlmHandle | None,
) -> Measured:
    others, further = other_rankings(questions, options)
    notes = [*notes, *further]
    if handle is None:
        return Measured(questions, all_rankings(run, questions, options, names, others), notes)
    # Closed-book first: a server that does not work shows before anything is encoded.
    answered: list[Answers] = [closed_book(run, questions, handle)] if 0 in options.top_k else []
    ranked = all_rankings(run, questions, options, names, others)
    shown = [k for k in options.top_k if k]
    if shown:
        answered += [answers(run, questions, ranking, shown, handle) for ranking in ranked]
    return Measured(questions, ranked, notes, answered, handle.info.generator)


def all_rankings(
    run: Run, questions: EvalSet, options: EvaluateOptions, names: Mapping[str, str], others: Sequence[Ranking]
) -> list[Ranking]:
    """The rankings of retrievers and of other systems, and each ranked again; one model is in memory at a time."""
    found: list[Ranking] = []
    for spec in options.retrievers:
        found += rankings(run, questions, make_encoder(spec), spec, names[spec], options.dims, options.index)
    found += others
    if options.reranker is not None:
        found += reranked(run, questions, found, make_reranker(options.reranker))
    return found


def other_rankings(questions: EvalSet, options: EvaluateOptions) -> tuple[list[Ranking], list[str]]:
    """The rankings of other systems, and what they lack."""
    ranked, notes = [], []
    for system, file in options.runs.items():
        ranking, further = map_run(questions, system, read_run(Path(file)), questions.all_ids)
        ranked.append(ranking)
        notes += further
    return ranked, notes


def pool_notes(questions: EvalSet) -> list[str]:
    """What readers must know of the pools."""
    return [
        f"pool {pool} holds only the documents that rows of the dataset name, so its figures are better than in the "
        "whole pool"
        for pool in questions.pools
        if not questions.is_whole(pool)
    ]


def estimate_answers(questions: EvalSet, ranked: Sequence[Ranking], top_k: Sequence[int], recipe: Recipe) -> Estimate:
    """The cost of answering each question with the first documents of each ranking."""
    pixels = recipe.vlm.max_pixels

    @lru_cache(_CACHE)
    def document(pool: str, row: int) -> tuple[int, int]:
        return _tokens(numbered_documents([questions.pools[pool].source(row)]), pixels)

    total = Cost()
    for number, question in enumerate(questions.questions):
        if not is_asked(question):
            continue
        prompts = dict.fromkeys(one.shown(number, k) for one in ranked for k in top_k if k)
        prompts |= {(): None} if 0 in top_k else {}
        own, images = _tokens(content_parts(request(questions, question, ()).question), pixels)
        for shown in prompts:
            fixed = text_tokens(load_prompt("answer" if shown else "answer_closed").text)
            costs = [(text_tokens(one), 0) if isinstance(one, str) else document(question.pool, one) for one in shown]
            prompt = fixed + own + sum(tokens for tokens, _ in costs)
            total += Cost(1, prompt, recipe.vlm.answer_tokens, images + sum(count for _, count in costs))
    return Estimate(recipe.vlm.model.partition("@http")[0], {(questions.split, STAGE): total}, HOW)


def _tokens(parts: Sequence[str | VlmImage], max_pixels: int) -> tuple[int, int]:
    """Tokens, and the number of images among the parts."""
    pictures = [part for part in parts if isinstance(part, VlmImage)]
    texts = sum(text_tokens(part) for part in parts if isinstance(part, str))
    return texts + sum(picture_tokens(one.data, max_pixels) for one in pictures), len(pictures)
