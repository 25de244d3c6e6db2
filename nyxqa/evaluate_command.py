"""The arguments of ``nyxqa evaluate``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Names = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Questions of this dataset only; may be repeated.")
]
Retrievers = Annotated[
    list[str] | None,
    typer.Option(metavar="SPEC", help="bm25, tiny[:PATH], e5:MODEL, nyx:MODEL, hf:MODEL; may be repeated."),
]
Model = Annotated[str | None, typer.Option(help="Model that answers with the first documents: openai:MODEL@URL.")]
TopK = Annotated[
    str, typer.Option(metavar="N,N,...", help="Documents before a question, as 0,1,2,4,8,16; 0 is closed-book.")
]
Dims = Annotated[str | None, typer.Option(metavar="N,N,...", help="Prefix lengths of vectors, as 2048,1024,512,256.")]
Runs = Annotated[
    list[str] | None, typer.Option("--run", metavar="NAME=FILE", help="Ranking of another system: TREC or JSON lines.")
]
Reranker = Annotated[str | None, typer.Option(metavar="ce:MODEL", help="Cross-encoder that reranks each ranking.")]
IndexKind = Annotated[
    str, typer.Option("--index", help="Search of vectors: exact, ivf or hnsw (with measured recall).")
]
Budget = Annotated[str, typer.Option(metavar="N,N,...", help="Tokens within which the evidence is looked for.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Most questions of each dataset.")]
Name = Annotated[str, typer.Option(help="Name of the files in DATA/evaluation; default the split.")]
Values = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A value of the recipe's section vlm.")
]
Estimate = Annotated[bool, typer.Option("--estimate", help="Print the most that would be asked and exit.")]
Prices = Annotated[str | None, typer.Option(metavar="IN,OUT", help="With --estimate: prices of a million tokens.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Retry the questions that failed.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes; default one per core.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per step on stdout, then the figures.")]


def evaluate(
    data: Annotated[str, typer.Argument(help="Folder of a dataset, or mmeb_eval:DIR.")],
    retriever: Retrievers = None,
    vlm: Model = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    dataset: Names = None,
    top_k: TopK = "0,1",
    dims: Dims = None,
    run: Runs = None,
    reranker: Reranker = None,
    index: IndexKind = "exact",
    budget: Budget = "1000",
    limit: Limit = None,
    name: Name = "",
    set_: Values = None,
    estimate: Estimate = False,
    price: Prices = None,
    retry_failed: RetryFailed = False,
    executor: Annotated[str, typer.Option(help="Where shards are worked on: local, or ray[:HOST:PORT].")] = "local",
    workers: Workers = None,
    as_json: AsJson = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare retrievers, and a model that answers with their documents, on the questions of a dataset."""
    from nyxqa.builders.evaluate.api import Given, run_command
    from nyxqa.schemas.recipe_file import parse_override

    given = Given(
        retrievers=retriever or [],
        vlm=vlm,
        split=split,
        datasets=dataset or [],
        top_k=top_k,
        dims=dims or "",
        budgets=budget,
        index=index,
        runs=run or [],
        reranker=reranker,
        limit=limit,
        name=name,
        settings=dict(parse_override(text) for text in set_ or []),
        retry_failed=retry_failed,
        executor=executor,
        workers=workers,
    )
    sys.stdout.write(run_command(data, given, estimate, price, as_json))
