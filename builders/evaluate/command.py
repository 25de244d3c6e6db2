"""What ``nyxqa evaluate`` prints: an evaluation, or an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from nyxqa.builders.engine.progress import Progress
from nyxqa.builders.evaluate.mmeb.run import PREFIX, evaluate_mmeb
from nyxqa.builders.evaluate.options import EvaluateOptions, named_files, numbers
from nyxqa.builders.evaluate.run import estimate as estimate_evaluation
from nyxqa.builders.evaluate.run import evaluate_dataset
from nyxqa.builders.report.price import Price
from nyxqa.schemas.errors import UsageError


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
