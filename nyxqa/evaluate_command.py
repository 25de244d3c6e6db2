"""The arguments of ``nyxqa evaluate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    data: Annotated[Path, typer.Argument(help="Folder of a dataset.")],
    retriever: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="bm25, tiny[:PATH], e5:MODEL, nyx:MODEL, hf:MODEL; may be repeated."),
    ] = None,
    vlm: Annotated[str | None, typer.Option(help="Model that answers with the first documents: openai:MODEL@URL.")] = (
        None
    ),
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Questions of this dataset; may be repeated; default all.")
    ] = None,
    top_k: Annotated[
        str, typer.Option(metavar="N,N,...", help="Documents before a question, as 0,1,2,4,8,16; 0 is closed-book.")
    ] = "0,1",
    dims: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Prefix lengths of vectors, as 2048,1024,512,256.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most questions of each dataset.")] = None,
    name: Annotated[str, typer.Option(help="Name of the files in DATA/evaluation; default the split.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A value of recipe section [vlm].")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print the most that would be asked and exit.")] = False,
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="With --estimate: prices of a million tokens.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry the questions that failed.")] = False,
    executor: Annotated[str, typer.Option(help="Where shards are worked on: local.")] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default one per core.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per step on stdout, then the figures.")] = (
        False
    ),
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare retrievers, and a model that answers with their documents, on the questions of a dataset."""
    from nyxqa.builders.engine.progress import Progress
    from nyxqa.builders.evaluate.options import EvaluateOptions, numbers
    from nyxqa.builders.evaluate.run import estimate as estimate_evaluation
    from nyxqa.builders.evaluate.run import evaluate_dataset
    from nyxqa.builders.report.price import Price
    from nyxqa.schemas.recipe_file import parse_override

    options = EvaluateOptions(
        retrievers=retriever or [],
        vlm=vlm,
        split=split,
        datasets=dataset or [],
        top_k=numbers(top_k, "--top-k"),
        dims=numbers(dims, "--dims") if dims else [],
        limit=limit,
        name=name,
        settings=dict(parse_override(text) for text in set_ or []),
        executor=executor,
        workers=workers,
        retry_failed=retry_failed,
    )
    prices = Price.given(price, estimate)
    if estimate:
        estimated = estimate_evaluation(data, options, Progress(as_json))
        sys.stdout.write(estimated.json(prices) if as_json else estimated.text(prices))
        return
    done = evaluate_dataset(data, options, Progress(as_json))
    sys.stdout.write(done.json() if as_json else done.text())
