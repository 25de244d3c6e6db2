"""The public function ``nyxqa.evaluate``, and what the command of this name prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from nyxqa.builders.engine.executors.factory import DEFAULT
from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.evaluate.mmeb.run import PREFIX, evaluate_mmeb
from nyxqa.builders.evaluate.options import BUDGETS, TOP_K, EvaluateOptions, named_files, numbers
from nyxqa.builders.evaluate.result import Evaluation
from nyxqa.builders.evaluate.run import estimate as estimate_evaluation
from nyxqa.builders.evaluate.run import evaluate_dataset
from nyxqa.builders.report.price import Price
from nyxqa.schemas.errors import UsageError


def evaluate(
    data: str | Path,
    retrievers: str | Sequence[str] = (),
    *,
    vlm: str | None = None,
    split: str = "test",
    datasets: Sequence[str] = (),
    top_k: Sequence[int] = TOP_K,
    dims: Sequence[int] = (),
    limit: int | None = None,
    runs: Mapping[str, str | Path] | None = None,
    reranker: str | None = None,
    budgets: Sequence[int] = BUDGETS,
    index: Literal["exact", "ivf", "hnsw"] = "exact",
    name: str = "",
    settings: Mapping[str, Any] | None = None,
    executor: str = DEFAULT,
    workers: int | None = None,
    retry_failed: bool = False,
) -> Evaluation:
    """Compare retrievers on the questions of a dataset; figures are written to ``DATA/evaluation/NAME.json``.

    :param data: Folder of a dataset, or ``mmeb_eval:DIR``.
    :param retrievers: Encoders by name: bm25, tiny[:PATH], e5:MODEL, nyx:MODEL, hf:MODEL; one, or a list.
    :param vlm: Model that answers with the first documents, ``openai:MODEL@URL``; None scores retrieval alone.
    :param split: train, validation or test.
    :param datasets: Datasets of the questions; all of the split if empty.
    :param top_k: Numbers of documents before a question; 0 is closed-book.
    :param dims: Prefix lengths of vectors to compare.
    :param limit: Most questions of each dataset.
    :param runs: Rankings that other systems made: file by name of the system.
    :param reranker: Cross-encoder that orders the first documents of each ranking again, ``ce:MODEL``.
    :param budgets: Numbers of tokens within which the evidence is looked for.
    :param index: How vectors are searched: all of them, or by an approximate index whose recall is reported.
    :param name: Name of the files; the split by default.
    :param settings: Values of section ``[vlm]`` by dotted key.
    :raises NyxqaError: If something fails, as the subclass that fits; nothing is written then.
    """
    options = EvaluateOptions(
        [retrievers] if isinstance(retrievers, str) else list(retrievers),
        vlm,
        split,
        [datasets] if isinstance(datasets, str) else list(datasets),
        list(top_k),
        list(dims),
        limit,
        {system: str(file) for system, file in (runs or {}).items()},
        reranker,
        list(budgets),
        index,
        name,
        settings or {},
        executor,
        workers,
        retry_failed,
    )
    if str(data).startswith(PREFIX):
        return evaluate_mmeb(Path(str(data).removeprefix(PREFIX)), options, Progress())
    return evaluate_dataset(Path(data), options, Progress())


class Given(TypedDict):
    """The options of ``EvaluateOptions`` as the command line has them; lists of numbers, and of runs, are text."""

    retrievers: Sequence[str]
    vlm: str | None
    split: str
    datasets: Sequence[str]
    top_k: str
    dims: str
    budgets: str
    index: str
    runs: Sequence[str]
    reranker: str | None
    limit: int | None
    name: str
    settings: Mapping[str, Any]
    retry_failed: bool
    executor: str
    workers: int | None


def run_command(data: str, given: Given, estimate: bool, price: str | None, as_json: bool) -> str:
    """Evaluate, or estimate; returns what is written to stdout after the progress.

    :raises NyxqaError: If something fails, as the subclass that fits.
    """
    prices = Price.given(price, estimate)
    values: dict[str, Any] = {
        **given,
        "top_k": numbers(given["top_k"], "--top-k"),
        "dims": numbers(given["dims"], "--dims") if given["dims"] else [],
        "budgets": numbers(given["budgets"], "--budget"),
        "runs": named_files(given["runs"]),
    }
    options = EvaluateOptions(**values)
    if data.startswith(PREFIX):
        if estimate:
            raise UsageError("mmeb_eval asks no model, so there is nothing to estimate; leave out --estimate")
        found = evaluate_mmeb(Path(data.removeprefix(PREFIX)), options, Progress(as_json))
        return found.json() if as_json else found.text()
    if estimate:
        estimated = estimate_evaluation(Path(data), options, Progress(as_json))
        return estimated.json(prices) if as_json else estimated.text(prices)
    done = evaluate_dataset(Path(data), options, Progress(as_json))
    return done.json() if as_json else done.text()
