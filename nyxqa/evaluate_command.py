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
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Questions of this dataset; may be repeated; default all.")
    ] = None,
    dims: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Prefix lengths of vectors, as 2048,1024,512,256.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most questions of each dataset.")] = None,
    name: Annotated[str, typer.Option(help="Name of the files in DATA/evaluation; default the split.")] = "",
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
    from nyxqa.builders.evaluate.run import evaluate_dataset

    options = EvaluateOptions(
        retrievers=retriever or [],
        split=split,
        datasets=dataset or [],
        dims=numbers(dims, "--dims") if dims else [],
        limit=limit,
        name=name,
        executor=executor,
        workers=workers,
    )
    done = evaluate_dataset(data, options, Progress(as_json))
    sys.stdout.write(done.json() if as_json else done.text())
